"""Claims of providers of one region, and of shops and payment services."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.demo.face import Face


def line(face: Face) -> dict[str, Any]:
    """LINE `GET /v2/profile`: no e-mail address, camel case."""
    return {
        "userId": f"U{face.dice.hexes('id', 32)}",
        "displayName": face.name,
        "pictureUrl": face.picture("profile.line-scdn", ""),
        "statusMessage": face.dice.pick("status", ("", "がんばる", "สวัสดี", "☕️")),
    }


def kakao(face: Face) -> dict[str, Any]:
    """Kakao `GET /v2/user/me`: an integer id, the profile twice, the e-mail address inside the account."""
    photo = face.picture("k.kakaocdn")
    account: dict[str, Any] = {
        "profile_nickname_needs_agreement": False,
        "profile": {"nickname": face.name, "thumbnail_image_url": photo, "profile_image_url": photo},
        "has_email": face.email is not None,
    }
    if face.email:
        account |= {"email": face.email, "is_email_valid": True, "is_email_verified": True}
    return {
        "id": int(face.dice.digits("id", 10)),
        "connected_at": "2024-02-11T01:45:28Z",
        "properties": {"nickname": face.name, "profile_image": photo, "thumbnail_image": photo},
        "kakao_account": account,
    }


def vkontakte(face: Face) -> dict[str, Any]:
    """`users.get`: an integer id, a birthday without zeros; the e-mail address comes from the token
    response."""
    return {
        "id": int(face.dice.digits("id", 9)),
        "first_name": face.given,
        "last_name": face.family,
        "screen_name": f"id{face.dice.digits('id', 9)}",
        "sex": face.dice.number("sex", 3),
        "bdate": f"{1 + face.dice.number('day', 28)}.{1 + face.dice.number('month', 12)}.1990",
        "photo_200": face.picture("sun9-1.userapi"),
        "is_closed": False,
        "can_access_closed": True,
    } | ({"email": face.email} if face.email else {})


def yandex(face: Face) -> dict[str, Any]:
    """`login.yandex.ru/info`: several names, an avatar id, a phone object."""
    return {
        "id": face.dice.digits("id", 10),
        "login": face.handle,
        "client_id": face.dice.hexes("client", 32),
        "display_name": face.handle,
        "real_name": face.name,
        "first_name": face.given,
        "last_name": face.family,
        "sex": None,
        "default_email": face.email or "",
        "emails": [face.email] if face.email else [],
        "birthday": None,
        "default_avatar_id": face.dice.hexes(f"photo {face.photo}", 16),
        "is_avatar_empty": False,
        "default_phone": {"id": int(face.dice.digits("phone", 9)), "number": face.phone},
    }


def weibo(face: Face) -> dict[str, Any]:
    """`users/show`: an integer id and its text, one display name, gender as a letter."""
    number = int(face.dice.digits("id", 10))
    return {
        "id": number,
        "idstr": str(number),
        "screen_name": face.handle,
        "name": face.name,
        "province": "11",
        "city": "5",
        "location": "北京 朝阳区",
        "description": "",
        "profile_image_url": face.picture("tvax1.sinaimg"),
        "avatar_large": face.picture("tvax1.sinaimg", ".large.jpg"),
        "gender": face.dice.pick("gender", ("m", "f", "n")),
        "followers_count": face.dice.number("followers", 5000),
        "verified": False,
        "lang": "zh-cn",
    }


def yahoo(face: Face) -> dict[str, Any]:
    """OpenID Connect userinfo with a set of picture sizes."""
    photo = face.picture("ct.yimg")
    return {
        "sub": face.dice.hexes("id", 26).upper(),
        "name": face.name,
        "given_name": face.given,
        "family_name": face.family,
        "locale": face.locale,
        "nickname": face.given,
        "picture": photo,
        "profile_images": {"image32": photo, "image64": photo, "image128": photo},
    } | ({"email": face.email, "email_verified": True} if face.email else {})


def amazon(face: Face) -> dict[str, Any]:
    """Login with Amazon `user/profile`: one name, a postal code."""
    return {
        "user_id": f"amzn1.account.{face.dice.hexes('id', 28).upper()}",
        "name": face.name,
        "email": face.email or f"{face.handle}@example.com",
        "postal_code": face.dice.digits("postal code", 5),
    }


def paypal(face: Face) -> dict[str, Any]:
    """Identity API `openidconnect/userinfo?schema=paypalv1.1`: the id is a URL, e-mail addresses are a
    list."""
    code = face.dice.hexes("id", 43)
    return {
        "user_id": f"https://www.paypal.com/webapps/auth/identity/user/{code}",
        "sub": f"https://www.paypal.com/webapps/auth/identity/user/{code}",
        "name": face.name,
        "given_name": face.given,
        "family_name": face.family,
        "payer_id": face.dice.hexes("payer", 13).upper(),
        "address": {
            "street_address": "2211 North First Street",
            "locality": "Exampleton",
            "country": face.country,
        },
        "verified_account": "true",
        "emails": [{"value": face.email, "primary": True, "confirmed": True}] if face.email else [],
    }


SHAPES: Final[Mapping[str, Callable[[Face], dict[str, Any]]]] = {
    "line": line,
    "kakao": kakao,
    "vkontakte": vkontakte,
    "yandex": yandex,
    "weibo": weibo,
    "yahoo": yahoo,
    "amazon": amazon,
    "paypal": paypal,
}
