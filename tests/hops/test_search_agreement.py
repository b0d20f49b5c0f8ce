"""Search in SQL and the reference evaluator find equal users."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.fold_view import Change, Write
from projections.profile.state import NO_PROFILE, Profile
from projections.profile.view import PROFILE
from projections.search.view import search_writes
from services.queries.search import statements
from services.queries.search.analysis import analyze
from services.queries.search.ordering import CursorPosition, Order, natural, sorted_by
from services.queries.search.predicates import Predicate
from services.queries.search.syntax.parser import parse
from services.views.statement_batches import execute, statement
from tests.samples.search_people import people, queries
from tests.samples.search_reference import (
    FLAGS,
    INSTANTS,
    NUMBERS,
    TEXTS,
    Query,
    fold,
    matches,
    render,
    values_of,
)
from tests.support.stack import Database

TENANT = "demo"
SORTS = ["email:1", "name:-1", "logins_count:1", "blocked:-1", "last_login:-1", "created_at:1"]
SORTS += ["user_metadata.a:1", "app_metadata.plan:-1"]


@dataclass
class Bench:
    """One connection and a loop to use it in, whatever loop the session has."""

    connection: asyncpg.Connection
    role: str
    run: Callable[..., Any]


@pytest.fixture
def bench(database: Database) -> Any:
    """A connection as the owner of everything; each case is rolled back."""
    with asyncio.Runner() as runner:
        connection = runner.run(
            asyncpg.connect(database.admin, server_settings={"search_path": "view_1,public"})
        )
        yield Bench(connection, database.role("management"), runner.run)
        runner.run(connection.close())


def subject(number: int) -> str:
    return f"sub_{number:032x}"


async def filled(connection: asyncpg.Connection, role: str, found: Sequence[dict[str, Any]]) -> None:
    """These people as the projector would write them; then the rights of the API's role."""
    changes = {
        (TENANT, subject(number)): Change(
            NO_PROFILE,
            Profile(
                1, {key: value for key, value in person.items() if key != "organization_id"},
                associations={"organizations": {name: {} for name in person["organization_id"]}},
            ),
        )
        for number, person in enumerate(found)
    }  # fmt: skip
    counted = Write("projections.population", "add_to_population", [(TENANT, 0, len(changes))])
    writes = (*PROFILE.writes(changes, {}), *search_writes(changes), counted)
    await execute(connection, [statement(write) for write in writes])
    await connection.execute(f"SET LOCAL ROLE {role}")
    await connection.execute("SELECT set_config('vita.tenant', $1, true)", TENANT)


async def walked(connection: asyncpg.Connection, predicate: Predicate, order: Order, size: int) -> list[str]:
    """All users, page after page, each after the last user of the previous page."""
    seen: list[str] = []
    after: CursorPosition | None = None
    while True:
        window = statements.Window(size, 0, after)
        rows = await fetched(connection, statements.page(TENANT, predicate, order, window))
        seen += [row["subject"] for row in rows]
        if len(rows) < size:
            return seen
        after = CursorPosition(None if order.target is None else rows[-1]["key"], rows[-1]["subject"])


async def fetched(connection: asyncpg.Connection, statement: statements.Statement) -> list[Any]:
    return list(await connection.fetch(statement.text, *statement.values))


async def check(bench: Bench, found: list[dict[str, Any]], query: Query, sort: str | None) -> None:
    connection = bench.connection
    wanted = {subject(number) for number, person in enumerate(found) if matches(query, person)}
    text = render(query)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await filled(connection, bench.role, found)
        predicate = analyze(parse(text))
        order = natural(predicate) if sort is None else sorted_by(sort)
        assert order is not None
        rows = await fetched(connection, statements.page(TENANT, predicate, order, statements.Window(100)))
        subjects = [row["subject"] for row in rows]
        assert len(set(subjects)) == len(subjects), text
        assert set(subjects) == wanted, text
        counted = await fetched(connection, statements.count(TENANT, predicate))
        assert counted[0]["count"] == len(wanted), text
        assert await walked(connection, predicate, order, 2) == subjects, text
        second = await fetched(connection, statements.page(TENANT, predicate, order, statements.Window(2, 1)))
        assert [row["subject"] for row in second] == subjects[1:3], text
        await check_ready(connection, predicate, order, [row["document"] for row in rows])
        if sort is not None:
            assert subjects == sorted_people(found, wanted, sort), text
    finally:
        await transaction.rollback()


async def check_ready(
    connection: asyncpg.Connection, predicate: Predicate, order: Order, documents: Sequence[str]
) -> None:
    """A page of prepared JSON has equal users in equal order, as has each of several look-ups."""
    whole = statements.ready_page(TENANT, predicate, order, statements.Window(3, 1), True)
    (row,) = await fetched(connection, whole)
    assert row["users"].decode() == f"[{','.join(documents[1:4])}]"
    assert (row["length"], row["total"]) == (len(documents[1:4]), len(documents))
    lookup = statements.lookup(predicate, order, statements.Window(3))
    if lookup is not None:
        columns = [[value, value] for value in lookup.key]
        found = await connection.fetch(lookup.text, TENANT, *columns, lookup.limit)
        assert sorted(row["asked"] for row in found) == [1, 2]
        assert {row["users"].decode() for row in found} == {f"[{','.join(documents[:3])}]"}


def sorted_people(found: list[dict[str, Any]], wanted: set[str], sort: str) -> list[str]:
    """The users found in the requested order: flags, numbers, texts; those without a value last; ties by
    subject."""
    field, _, way = sort.rpartition(":")
    descending = way == "-1"
    people = [(subject(number), person) for number, person in enumerate(found) if subject(number) in wanted]
    keyed = [(ranks(field, person), who) for who, person in people]
    having = [((max if descending else min)(keys), who) for keys, who in keyed if keys]
    lacking = [who for keys, who in keyed if not keys]
    return [who for _, who in sorted(having, reverse=descending)] + sorted(lacking, reverse=descending)


def ranks(field: str, person: dict[str, Any]) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    for value in values_of(person, field):
        if isinstance(value, bool):
            found.append((0, value))
        elif isinstance(value, int | float):
            found.append((1, value))
        elif len(value) > 256:
            found += [] if field in (*TEXTS, *FLAGS) else [(3, "")]
        elif field in INSTANTS:
            found.append((2, datetime.fromisoformat(value)))
        else:
            found.append((2, fold(value) if field in ("email", "name") else value))
    assert field not in NUMBERS or len(found) <= 1
    return found


def agree(bench: Bench, examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, derandomize=examples < 1000, database=None, print_blob=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def run(data: st.DataObject) -> None:
        found = data.draw(people())
        query = data.draw(queries(found))
        sort = data.draw(st.sampled_from([None, None, *SORTS]))
        bench.run(check(bench, found, query, sort))

    run()


SEVERAL: list[dict[str, Any]] = [
    {
        "user_id": f"auth0|{number}", "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z", "identities": [], "organization_id": [],
        "user_metadata": {"a": [1, 2, 3, 4, 5][number:]}, **({"name": "x"} if number % 2 else {}),
    }
    for number in range(6)
]  # fmt: skip


@pytest.mark.parametrize("sort", [None, "user_metadata.a:1", "user_metadata.a:-1", "name:1"])
def test_several_values_are_one_person(bench: Bench, sort: str | None) -> None:
    """Who matches more than once, in one table or in several, comes once and takes the place of one."""
    in_range = ("range", "user_metadata.a", ("1", False, True), None)
    for query in (in_range, ("or", in_range, ("term", "name", "x", False))):
        bench.run(check(bench, SEVERAL, query, sort))


def test_sql_and_reference_agree(bench: Bench) -> None:
    """300 generated queries over generated users give equal results, counts, orders and pages."""
    agree(bench, 300)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_sql_and_reference_agree_at_length(bench: Bench) -> None:
    """5,000 more, new ones at every run."""
    agree(bench, 5000)
