"""Rejections that several commands about users share."""

from typing import Final

from services.runtime.rejection import Rejection, invalid

NO_SUCH_USER: Final = Rejection("not_found", "The user does not exist.", "inexistent_user")
UNKNOWN_USER: Final = invalid(NO_SUCH_USER.message, NO_SUCH_USER.code)
"""The same as `NO_SUCH_USER` for operations that treat an unknown user as invalid input."""
USER_EXISTS: Final = Rejection("conflict", "The user already exists.", "auth0_idp_error")
USER_BUSY: Final = Rejection("conflict", "The user is being changed by others. Please try again.")
