"""`all-demo` is everything: a demo client can try each operation there is."""

from services.cli.tenants.scopes import DEMO_SCOPES
from services.management.app import OPERATIONS


def test_every_scope_of_every_operation_is_in_all_demo() -> None:
    """But for those that reach only oneself, which a client is not."""
    asked = {scope for operation in OPERATIONS for text in operation.scopes for scope in text.split()}
    asked = {scope for scope in asked if ":current_user" not in scope}
    assert asked - set(DEMO_SCOPES) == set()
