"""Rejections that several commands about users share."""

from collections.abc import Mapping
from typing import Final

from services.runtime.rejection import Rejection, invalid

NO_SUCH_USER: Final = Rejection("not_found", "The user does not exist.", "inexistent_user")
UNKNOWN_USER: Final = invalid(NO_SUCH_USER.message, NO_SUCH_USER.code)
"""`NO_SUCH_USER` for operations that treat an unknown user as invalid input."""
USER_EXISTS: Final = Rejection("conflict", "The user already exists.", "auth0_idp_error")
USER_BUSY: Final = Rejection("conflict", "The user is being changed by others. Please try again.")
NOT_THEIRS: Final = invalid("The specified connection does not belong to the user.")
TAKEN: Final[Mapping[str, Rejection]] = {
    "email": invalid("The specified new email already exists", "auth0_idp_error"),
    "username": invalid("The username provided is in use already.", "auth0_idp_error"),
    "phone_number": invalid("The specified new phone number already exists", "auth0_idp_error"),
}
"""Rejections of an edit to a value that another user of the connection has."""
