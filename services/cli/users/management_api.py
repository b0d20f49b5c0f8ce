"""A client of the Management API. An error response ends the command with the API's message."""

from typing import TYPE_CHECKING, Any, Final, Self

from schemas.formats import exact_json
from services.cli import addresses
from services.cli.access import bearer_token, is_local
from services.cli.failure import CommandFailed, unreachable
from services.cli.output import safe

if TYPE_CHECKING:
    import httpx

_ADVICE: Final = {
    401: 'the token is invalid: fetch a new one with `eval "$(vita env)"`, or unset VITA_TOKEN',
    403: "use a client that has the scope (`vita clients create --scope …`)",
    404: "list users with `vita users list`",
    410: "create the user anew with `vita users create`",
    409: "find the user that has it with `vita users get E-MAIL`",
    412: "the user has changed: read it with `vita users get` and use its new revision",
    429: "wait a moment and run it again",
    503: "wait a moment and run it again; `vita status` shows what is down",
}


class ManagementApi:
    """The Management API at one address, with one token."""

    def __init__(self, url: str, token: str) -> None:
        import httpx

        headers = {"authorization": f"Bearer {token}"}
        self._url = url
        self._client = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=30,
            trust_env=not is_local(url),
            verify=addresses.tls_context(url),
        )

    @classmethod
    def at(cls, management_url: str | None, token: str | None) -> Self:
        """Return the API at the given or configured address, with a token for it.

        Raises CommandFailed when no address or no token is known.
        """
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
        """Send a request and return its response.

        Raises CommandFailed when the API cannot be reached or answers with an error.
        """
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
            raise rejection(response)
        return response


def document(response: "httpx.Response") -> Any:
    """Return the JSON body of a response; integers stay exact."""
    return exact_json.loads(response.content)


def rejection(response: "httpx.Response") -> CommandFailed:
    """Return the CommandFailed for an error response, with the request's id in the service's log."""
    status, request_id = response.status_code, response.headers.get("x-request-id")
    try:
        answer = exact_json.loads(response.content)
        message, code = answer["message"], answer.get("errorCode")
    except (ValueError, KeyError, TypeError, AttributeError):
        message, code = "the response is not one of Vita", None
    problem = safe(str(message)).rstrip(".")
    known = " ".join(str(part) for part in (status, code) if part)
    if request_id is not None:
        known += f", request {safe(request_id)}"
    return CommandFailed(f"{problem} ({known})", _ADVICE.get(status, "correct the request and run it again"))
