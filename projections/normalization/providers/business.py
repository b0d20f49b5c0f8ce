"""Payment, file, shop and work services through which users log in."""

from projections.normalization.claims.shapes import included_address, last_segment
from projections.normalization.claims.views import unwrapped
from projections.normalization.strategy import Strategy

_EVERNOTE = Strategy(id=("edam_userId", "userId", "id"), nickname="username", ignore=("edam_expires",))
_PAYPAL = Strategy(id=(last_segment("user_id"), last_segment("sub"), "payer_id"))
_SALESFORCE = Strategy(
    id=("user_id", last_segment("sub"), last_segment("id")),
    name=("name", "display_name"),
    nickname=("nickname", "nick_name"),
    given_name=("given_name", "first_name"),
    family_name=("family_name", "last_name"),
    picture=("picture", "photos.picture"),
    ignore=("asserted_user",),
)
_SHOPIFY = Strategy(
    view=unwrapped("data", "associated_user", "customer", "shop"),
    id=(last_segment("id"), "id"),
    given_name="first_name",
    family_name="last_name",
    phone_number="phone",
    ignore=("expires_in", "scope", "associated_user_scope", "session"),
)
_THE_CITY = Strategy(
    view=unwrapped("global_user", "user"),
    id="id",
    given_name="first",
    family_name="last",
    picture="profile_picture",
)

BUSINESS_STRATEGIES = {
    "bitbucket": Strategy(
        view=unwrapped("user"),
        id=("uuid", "account_id", "username"),
        name=("display_name", "name"),
        nickname=("nickname", "username"),
        given_name="first_name",
        family_name="last_name",
        picture=("links.avatar", "avatar"),
        ignore=("type",),
    ),
    "bitly": Strategy(
        view=unwrapped("data"),
        id="login",
        name=("full_name", "display_name", "name"),
        nickname="login",
        picture="profile_image",
        ignore=("status_code", "status_txt"),
    ),
    "box": Strategy(id="id", email="login", picture="avatar_url", phone_number="phone", ignore=("type",)),
    "dropbox": Strategy(
        id=("account_id", "uid"),
        name=("name.display_name", "display_name"),
        given_name=("name.given_name", "name_details.given_name"),
        family_name=("name.surname", "name_details.surname"),
        picture="profile_photo_url",
    ),
    "dwolla": Strategy(
        view=unwrapped("Response"),
        id=("Id", "id"),
        name="Name",
        ignore=("Success", "Message", "_links"),
    ),
    "evernote": _EVERNOTE,
    "evernote-sandbox": _EVERNOTE,
    "exact": Strategy(
        view=unwrapped("d", "results"),
        id=("UserID", "id"),
        name="FullName",
        nickname="UserName",
        given_name="FirstName",
        family_name="LastName",
        picture="PictureUrl",
        email="Email",
        phone_number=("Mobile", "Phone"),
        ignore=("__metadata", "ThumbnailPicture", "ThumbnailPictureFormat"),
    ),
    "miicard": Strategy(
        view=unwrapped("Data", "MiiUserProfile"),
        id="Username",
        nickname="Username",
        given_name="FirstName",
        family_name="LastName",
        email="EmailAddresses",
        ignore=("Status", "ErrorCode", "ErrorMessage"),
    ),
    "paypal": _PAYPAL,
    "paypal-sandbox": _PAYPAL,
    "planningcenter": Strategy(
        view=unwrapped("data", "attributes"),
        id=("id", "sub"),
        given_name="first_name",
        family_name="last_name",
        picture="avatar",
        email=("email", included_address, "login_identifier"),
        ignore=("type", "links", "relationships", "included", "meta"),
    ),
    "salesforce": _SALESFORCE,
    "salesforce-community": _SALESFORCE,
    "salesforce-sandbox": _SALESFORCE,
    "shop": _SHOPIFY,
    "shopify": _SHOPIFY,
    "thecity": _THE_CITY,
    "thecity-sandbox": _THE_CITY,
    "thirtysevensignals": Strategy(
        view=unwrapped("identity"),
        id="id",
        given_name="first_name",
        family_name="last_name",
        picture="avatar_url",
        email="email_address",
        ignore=("expires_at",),
    ),
    "yammer": Strategy(
        view=unwrapped("user"),
        id=("id", "user_id"),
        name=("full_name", "name"),
        nickname="name",
        given_name="first_name",
        family_name="last_name",
        picture="mugshot_url",
        email=("email", "contact.email_addresses"),
        ignore=("type", "mugshot_url_template"),
    ),
}
