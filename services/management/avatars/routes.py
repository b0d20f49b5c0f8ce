"""GET /avatars/{initials}.svg: the default picture of users in tenants that chose `initials`."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from projections.normalization.defaults import PATH
from services.management.avatars.initials import are_initials, avatar
from services.management.container import Service
from services.management.http import responses
from services.management.http.models.results import Failure
from services.management.http.operation import Public
from services.management.http.requests import path_parameter
from services.runtime.rejection import NOT_FOUND, Rejected

MEDIA: Final = "image/svg+xml"
HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


async def get_avatar(_service: Service, request: Request) -> Response:
    """Return the image of one or two characters; 404 for anything other than letters and digits."""
    try:
        initials = path_parameter(request, "initials")
    except Rejected:
        return responses.error(NOT_FOUND)
    if not are_initials(initials):
        return responses.error(NOT_FOUND)
    return Response(avatar(initials), headers=HEADERS, media_type=MEDIA)


PUBLIC: Final = (
    Public(
        method="GET",
        path=f"{PATH}/{{initials}}.svg",
        handler=get_avatar,
        summary="An image of initials",
        description=(
            "Returns an SVG image of one or two characters. Returns 404 for anything other than letters and"
            " digits."
        ),
        result=str,
        failure=Failure,
        media=MEDIA,
        responses={200: "The image.", 404: "Not one or two letters or digits."},
    ),
)
