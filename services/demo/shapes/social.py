"""Claims of worldwide social providers, in the form of each provider's documentation."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from services.demo.face import Face


def google(face: Face) -> dict[str, Any]:
    """OpenID Connect userinfo. Google no longer sends `locale` to most applications."""
    return (
        {
            "sub": face.dice.digits("id", 21),
            "name": face.name,
            "given_name": face.given,
            "family_name": face.family,
            "picture": face.picture("lh3.googleusercontent", "=s96-c"),
        }
        | ({"email": face.email, "email_verified": True} if face.email else {})
        | ({"locale": face.language} if face.dice.chance("locale", 30) else {})
    )


def facebook(face: Face) -> dict[str, Any]:
    """Graph API `/me?fields=id,name,first_name,last_name,email,picture`; the picture is an object."""
    photo = {
        "height": 50,
        "width": 50,
        "is_silhouette": False,
        "url": face.picture("platform-lookaside.fbsbx"),
    }
    return {
        "id": face.dice.digits("id", 17),
        "name": face.name,
        "first_name": face.given,
        "last_name": face.family,
        "picture": {"data": photo},
    } | ({"email": face.email} if face.email else {})


def github(face: Face) -> dict[str, Any]:
    """`GET /user`: an integer id; name and e-mail address are null unless they are public."""
    number = int(face.dice.digits("id", face.dice.number("id length", 3) + 6))
    home = f"https://api.github.example/users/{face.handle}"
    return {
        "login": face.handle,
        "id": number,
        "node_id": f"U_{face.dice.hexes('node', 12)}",
        "avatar_url": face.picture("avatars.githubusercontent", f"?u={number}&v=4"),
        "gravatar_id": "",
        "url": home,
        "html_url": f"https://github.example/{face.handle}",
        "followers_url": f"{home}/followers",
        "repos_url": f"{home}/repos",
        "type": "User",
        "site_admin": False,
        "name": face.name if face.dice.chance("public name", 75) else None,
        "company": face.dice.pick("company", (None, "@acme", "Freelance")),
        "blog": "",
        "location": face.dice.pick("location", (None, face.country)),
        "email": face.email if face.dice.chance("public mail", 55) else None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": face.dice.number("repos", 90),
        "followers": face.dice.number("followers", 400),
        "created_at": "2015-03-09T18:21:44Z",
        "updated_at": _iso(face.at - 86_400),
    }


def linkedin(face: Face) -> dict[str, Any]:
    """OpenID Connect userinfo with a locale object; older applications get the flag as text."""
    return {
        "sub": face.dice.hexes("id", 10),
        "name": face.name,
        "given_name": face.given,
        "family_name": face.family,
        "picture": face.picture("media.licdn"),
        "locale": {"country": face.country, "language": face.language[:2]},
    } | (
        {"email": face.email, "email_verified": face.dice.pick("flag", (True, "true"))} if face.email else {}
    )


def twitter(face: Face) -> dict[str, Any]:
    """API v2 `GET /2/users/me`: everything under `data`, the id as text, no e-mail address."""
    return {
        "data": {
            "id": face.dice.digits("id", 19),
            "name": face.name,
            "username": face.handle.replace("-", "_")[:15],
            "created_at": "2013-12-14T04:35:55.000Z",
            "profile_image_url": face.picture("pbs.twimg", "_normal.jpg"),
            "verified": False,
            "protected": face.dice.chance("protected", 10),
            "public_metrics": {"followers_count": face.dice.number("followers", 9000), "tweet_count": 5},
        }
    }


def twitter_classic(face: Face) -> dict[str, Any]:
    """API 1.1 `account/verify_credentials`: the id as an integer beyond 2^53, and also as text."""
    number = face.dice.digits("id", 19)
    photo = face.picture("pbs.twimg", "_normal.jpg")
    return {
        "id": int(number) % 2**63,
        "id_str": str(int(number) % 2**63),
        "name": face.name,
        "screen_name": face.handle.replace("-", "_")[:15],
        "location": "",
        "description": "",
        "url": None,
        "lang": None,
        "verified": False,
        "profile_image_url": photo.replace("https://", "http://"),
        "profile_image_url_https": photo,
        "email": face.email,
    }


def apple(face: Face) -> dict[str, Any]:
    """Identity token claims. `user` has the name at the first login only; the e-mail address is often a
    relay."""
    hidden = face.email is not None and face.dice.chance("hide my mail", 45)
    address = f"{face.dice.hexes('relay', 10)}@privaterelay.appleid.com" if hidden else face.email
    said_as_text = face.dice.chance("flags as text", 50)
    who: dict[str, Any] = {
        "iss": "https://appleid.apple.com",
        "aud": "com.example.shop",
        "iat": face.at,
        "exp": face.at + 86_400,
        "sub": f"{face.dice.digits('team', 6)}.{face.dice.hexes('id', 32)}.{face.dice.digits('tail', 4)}",
        "auth_time": face.at,
        "nonce_supported": True,
    }
    if address is not None:
        who |= {"email": address, "email_verified": "true" if said_as_text else True}
        who |= {"is_private_email": "true" if said_as_text else True} if hidden else {}
    if face.first_time:
        user: dict[str, Any] = {"name": {"firstName": face.given, "lastName": face.family}}
        who["user"] = user | ({"email": address} if address else {})
    return who


def microsoft_account(face: Face) -> dict[str, Any]:
    """Microsoft Graph `/me` of a personal account: the fields of company accounts are null."""
    return {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/$entity",
        "userPrincipalName": face.email or f"{face.handle}@example.com",
        "id": face.dice.hexes("id", 16),
        "displayName": face.name,
        "surname": face.family,
        "givenName": face.given,
        "preferredLanguage": face.locale,
        "mail": None,
        "mobilePhone": None,
        "jobTitle": None,
        "officeLocation": None,
        "businessPhones": [],
    }


def discord(face: Face) -> dict[str, Any]:
    """`GET /users/@me`: a snowflake as text, an avatar hash, `verified` for the e-mail address."""
    return {
        "id": face.dice.digits("id", 18),
        "username": face.handle.lower(),
        "discriminator": "0",
        "global_name": face.name,
        "avatar": face.dice.hexes(f"photo {face.photo}", 32),
        "verified": face.email is not None,
        "email": face.email,
        "mfa_enabled": face.dice.chance("second factor", 40),
        "locale": face.locale,
        "premium_type": 0,
        "flags": 0,
        "banner": None,
        "accent_color": face.dice.number("colour", 2**24),
    }


def dropbox(face: Face) -> dict[str, Any]:
    """`users/get_current_account`: the name as an object."""
    return {
        "account_id": f"dbid:{face.dice.hexes('id', 36)}",
        "name": {
            "given_name": face.given,
            "surname": face.family,
            "familiar_name": face.given,
            "display_name": face.name,
            "abbreviated_name": face.given[:1] + face.family[:1],
        },
        "email": face.email or f"{face.handle}@example.com",
        "email_verified": True,
        "profile_photo_url": face.picture("dl-web.dropbox"),
        "disabled": False,
        "country": face.country,
        "locale": face.language,
        "account_type": {".tag": "basic"},
    }


def members_club(face: Face) -> dict[str, Any]:
    """A club's own OAuth 2 server: a twenty-digit number as id, and non-standard names for all fields."""
    return {
        "id": 2**64 + int(face.dice.digits("id", 18)),
        "first_name": face.given,
        "surname": face.family,
        "mail": face.email or "",
        "photo": {"url": face.picture("members-club")},
        "member_since": "1998-04-01",
        "badges": ["sailing", "chess"][: face.dice.number("badges", 3)],
        "emergency_contact": None,
    }


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SHAPES: Final[Mapping[str, Callable[[Face], dict[str, Any]]]] = {
    "google-oauth2": google,
    "facebook": facebook,
    "github": github,
    "linkedin": linkedin,
    "twitter": twitter,
    "twitter-classic": twitter_classic,
    "apple": apple,
    "windowslive": microsoft_account,
    "discord": discord,
    "dropbox": dropbox,
    "members-club": members_club,
}
