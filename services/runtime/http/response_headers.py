"""Security headers that every HTTP answer of every service carries."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]
ALWAYS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
UNDER_TLS: Final[tuple[Header, ...]] = (*ALWAYS, (b"strict-transport-security", b"max-age=31536000"))


class SecureHeaders:
    """Adds `X-Content-Type-Options` and `Referrer-Policy` to every answer, under TLS also
    `Strict-Transport-Security`; a value that the application gives itself is kept."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._headers = UNDER_TLS if tls else ALWAYS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the application answer, with the headers added."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name for name, _ in given}
                given += [header for header in self._headers if header[0] not in names]
                message["headers"] = given
            await send(message)

        await self._app(scope, receive, add)
