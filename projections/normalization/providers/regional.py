"""Consumer providers of one region."""

from projections.normalization.claims.shapes import baidu_portrait, renren_avatar, yandex_avatar
from projections.normalization.claims.views import unwrapped
from projections.normalization.strategy import Strategy

REGIONAL_STRATEGIES = {
    "baidu": Strategy(
        id=("userid", "uid", "openid"),
        name=("realname", "username", "uname"),
        nickname=("username", "uname"),
        picture=baidu_portrait,
        email=("email", "secureemail"),
    ),
    "daccount": Strategy(id="sub"),
    "line": Strategy(id=("sub", "userId"), name=("name", "displayName"), picture=("picture", "pictureUrl")),
    "renren": Strategy(
        view=unwrapped("response"),
        id=("id", "uid"),
        picture=(renren_avatar, "mainurl", "headurl", "tinyurl"),
    ),
    "vkontakte": Strategy(
        view=unwrapped("response", "user"),
        id=("id", "user_id", "uid"),
        nickname=("screen_name", "domain"),
        given_name="first_name",
        family_name="last_name",
        picture=(
            "photo_max_orig",
            "photo_max",
            "photo_400_orig",
            "photo_200",
            "photo_100",
            "photo_big",
            "photo_50",
            "photo",
            "avatar",
        ),
        phone_number=("phone", "mobile_phone"),
    ),
    "weibo": Strategy(
        id=("idstr", "id", "uid"),
        name=("name", "screen_name"),
        nickname="screen_name",
        picture=("avatar_hd", "avatar_large", "profile_image_url"),
        ignore=("status",),
    ),
    "yandex": Strategy(
        id="id",
        name=("real_name", "display_name"),
        nickname="login",
        given_name="first_name",
        family_name="last_name",
        picture=yandex_avatar,
        email=("default_email", "emails"),
        phone_number="default_phone.number",
        ignore=("client_id", "psuid", "is_avatar_empty"),
    ),
}
