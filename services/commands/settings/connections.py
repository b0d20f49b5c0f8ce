"""Rejections of commands about connections."""

from typing import Final

from services.runtime.rejection import Rejection

NO_SUCH_CONNECTION: Final = Rejection("not_found", "The connection does not exist", "inexistent_connection")
CONNECTION_EXISTS: Final = Rejection("conflict", "A connection with the same name already exists")
CONNECTION_BUSY: Final = Rejection("conflict", "The connection is being changed by others. Please try again.")
