"""The strategies of connections in Auth0; a connection on the log may have another one."""

from typing import Final, Literal, get_args

Strategy = Literal[
    "ad", "adfs", "amazon", "aol", "apple", "asana", "atlassian", "auth0", "auth0-adldap", "auth0-oidc",
    "baidu", "bitbucket", "bitly", "box", "cloudflare-mcp", "custom", "daccount", "dropbox", "dwolla",
    "email", "evernote", "evernote-sandbox", "exact", "facebook", "fitbit", "github", "gitlab",
    "google-apps", "google-oauth2", "hubspot-mcp", "instagram", "ip", "line", "linear-mcp", "linkedin",
    "miicard", "notion-mcp", "oauth1", "oauth2", "office365", "oidc", "okta", "paypal",
    "paypal-sandbox", "pingfederate", "planningcenter", "renren", "salesforce", "salesforce-community",
    "salesforce-sandbox", "samlp", "sentry-mcp", "sharepoint", "shop", "shopify", "slack", "sms",
    "soundcloud", "thecity", "thecity-sandbox", "thirtysevensignals", "twitter", "untappd", "vkontakte",
    "waad", "weibo", "windowslive", "wordpress", "yahoo", "yammer", "yandex",
]  # fmt: skip
STRATEGIES: Final = frozenset[str](get_args(Strategy))
