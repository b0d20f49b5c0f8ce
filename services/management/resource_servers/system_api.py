"""The Management API as one of the APIs that it lists."""

from typing import Any

from services.management.http.requests import Call
from services.queries import permissions


def system_api(call: Call) -> dict[str, Any]:
    """Return the Management API with every scope that an operation requires."""
    operations = call.request.app.state.operations
    scopes = {scope for each in operations for text in each.scopes for scope in text.split()}
    return permissions.system_api(call.service.settings.token_audience, scopes)
