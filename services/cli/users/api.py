"""The Management API, as commands call it; an error it answers ends the command with the API's message."""

from typing import TYPE_CHECKING, Any, Final, Self

from schemas.formats import exact_json
from services.cli import addresses
from services.cli.access import bearer_token, is_local
from services.cli.failure import CommandFailed, unreachable
from services.cli.output import safe

if TYPE_CHECKING:
    import httpx

_ADVICE: Final = {
    401: 'the token is not taken: take a fresh one with `eval "$(vita env)"`, or unset VITA_TOKEN',
    403: "use a client that has the scope (`vita clients create --scope …`)",
    404: "`vita users list` shows who is there",
    409: "`vita users get` with the e-mail address shows who has it",
    412: "somebody else changed it: read it again with `vita users get` and use its new revision",
    429: "wait a moment and run it again",
    503: "wait a moment and run it again; `vita status` shows what is down",
}


class Api:
    """One address, one token."""

    def __init__(self, url: str, token: str) -> None:
        import httpx

        headers = {"authorization": f"Bearer {token}"}
        self._url = url
        self._client = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=30,
            trust_env=not is_local(url),
            verify=addresses.trusted(url),
        )

    @classmethod
    def at(cls, management_url: str | None, token: str | None) -> Self:
        """The API that flags and environment name, else the local stack's. Raises CommandFailed."""
        url = addresses.management_url(management_url)
        return cls(url, bearer_token(token, url))

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> "httpx.Response":
        """The answer to a request. Raises CommandFailed when it is an error or there is none."""
        import httpx

        content = None if body is None else exact_json.dumps(body)
        types = {} if body is None else {"content-type": "application/json"}
        try:
            response = self._client.request(
                method, path, content=content, params=query, headers={**types, **(headers or {})}
            )
        except httpx.TransportError as error:
            raise unreachable(self._url, error) from None
        if response.is_error:
            raise refused(response)
        return response


def document(response: "httpx.Response") -> Any:
    """The JSON of an answer, integers exact."""
    return exact_json.loads(response.content)


def refused(response: "httpx.Response") -> CommandFailed:
    """The failure behind an error answer, with the id under which the service's log tells of it."""
    status, request_id = response.status_code, response.headers.get("x-request-id")
    try:
        answer = exact_json.loads(response.content)
        message, code = answer["message"], answer.get("errorCode")
    except (ValueError, KeyError, TypeError, AttributeError):
        message, code = "no Vita answers there", None
    shown = safe(str(message)).rstrip(".")
    known = " ".join(str(part) for part in (status, code) if part)
    if request_id is not None:
        known += f", request {safe(request_id)}"
    return CommandFailed(f"{shown} ({known})", _ADVICE.get(status, "correct the request and run it again"))
