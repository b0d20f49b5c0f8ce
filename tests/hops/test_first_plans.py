"""An installation without logins: the plans of its first statements are used until there are thousands of
people, so they must be right from the start."""

from typing import Any

import asyncpg
import pytest

from services.runtime.postgres.named_queries import load
from tests.support.stack import Stack

NOBODYS = "00000000-0000-0000-0000-000000000000"
LOOK_UPS = [
    (
        "vita_projector", load("services.ledger.keys", "users.sql")["read_owners"], (["demo"], ["sub_1"]),
        {"profile_pkey", "subject_key_pkey"},
    ),
    (
        "vita_projector", load("services.ledger", "reservations.sql")["release_replaced"],
        (["demo"], ["sub_1"], ["email"], ["Users"], [NOBODYS]), {"reservation_subject"},
    ),
    (
        "vita_management", load("services.queries", "users.sql")["users_by_subject"], ("demo", ["sub_1"]),
        {"profile_pkey"},
    ),
    (
        "vita_management", load("services.ledger.keys", "users.sql")["users_to_edit"], ("demo", ["a|1"]),
        {"profile_user_id"},
    ),
    (
        "vita_management", load("services.ledger", "reservations.sql")["values_in_view"],
        ("demo", "Users", "sub_1", "a@b.c", "a", "+1"),
        {"search_email_folded", "search_username", "search_phone_number"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("role", "statement", "arguments", "indexes"), LOOK_UPS)
async def test_look_ups_in_empty_tables_are_planned_for_full_ones(
    stack: Stack, role: str, statement: str, arguments: tuple[Any, ...], indexes: set[str]
) -> None:
    """Each goes by the index whose columns it names, not by just any that begins with the tenant."""
    database = await stack.database()
    connection = await asyncpg.connect(
        database.url_for(role),
        server_settings={
            "plan_cache_mode": "force_generic_plan",
            "search_path": "view_1",
            "vita.tenant": "demo",
        },
    )
    try:
        rows = await connection.fetch(f"EXPLAIN {statement}", *arguments)
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert indexes <= {word for line in plan.splitlines() for word in line.split()}, plan
