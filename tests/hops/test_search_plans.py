"""PostgreSQL answers every class of search from an index, with statistics of several thousand people."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from schemas.formats import exact_json
from services.queries.search import statements
from services.queries.search.analysis import analyze
from services.queries.search.explaining import EXPLAIN, nodes
from services.queries.search.ordering import CursorPosition, Order, natural, sorted_by
from services.queries.search.syntax.parser import parse
from tests.bench.crowd import email, people, user_id
from tests.support.seeding import seed, vacuumed
from tests.support.stack import Stack

TENANT = "demo"
PEOPLE = 6_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def connection(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    """The API's role, among several thousand people of its tenant and some of another."""
    database = await stack.database()
    owner = await asyncpg.connect(database.admin)
    try:
        await seed(owner, TENANT, people(PEOPLE))
        await seed(owner, "other", people(500))
        await stack.until(lambda: vacuumed(owner))
    finally:
        await owner.close()
    reader = await asyncpg.connect(
        database.url_for("vita_management"), server_settings={"plan_cache_mode": "force_custom_plan"}
    )
    try:
        await reader.execute("SELECT set_config('vita.tenant', $1, false)", TENANT)
        yield reader
    finally:
        await reader.close()


CLASSES = [
    ("exact", f"email:{email(17)}", None, "search_email_folded"),
    ("exact, by id", f'user_id:"{user_id(17)}"', None, "search_user_id"),
    ("exact, common", "email_verified:false", None, "search_email_verified"),
    ("exact, a flag", "blocked:true", None, "search_blocked"),
    ("exact, a domain", "email.domain:mail17.example.com", None, "search_email_domain"),
    ("exact, an address", "last_ip:198.51.100.1", None, "activity_last_ip"),
    ("prefix", "name:jane\\ s*", None, "search_name"),
    ("prefix, common", "user_id:auth0*", None, "search_user_id"),
    ("infix", "family_name:*-corbadel*", None, "search_infix"),
    ("infix between", "nickname:jane*599*", None, "search_nickname"),
    ("suffix", "email:*17.example.com", None, "search_infix"),
    ("range of dates", "created_at:[2020-01-03 TO 2020-01-05]", None, "search_created"),
    ("range of numbers", "logins_count:[290 TO *]", None, "activity_logins_count"),
    ("range of logins", "last_login:[* TO 2020-01-02]", None, "activity_last_login"),
    ("range of texts", "name:[jane TO janf]", None, "search_name"),
    ("exists, seldom", "_exists_:username", None, "search_username"),
    ("exists not", "NOT _exists_:last_login", None, "activity_"),
    ("metadata exact", 'user_metadata.address.city:"City 17"', None, "search_leaf_pkey"),
    ("metadata common", "app_metadata.plan:gold", None, "search_leaf_pkey"),
    ("metadata number", "app_metadata.seats:17", None, "search_leaf_pkey"),
    ("metadata prefix", "app_metadata.customer:cus_00001*", None, "search_leaf_pkey"),
    ("metadata infix", "user_metadata.address.city:*City\\ 1999*", None, "search_leaf_infix"),
    ("metadata range", "app_metadata.seats:[990 TO *]", None, "search_leaf_pkey"),
    ("metadata exists", "_exists_:user_metadata.nobody", None, "search_leaf_"),
    ("identities", 'identities.connection:"google-oauth2"', None, "search_leaf_pkey"),
    ("memberships", "organization_id:org_1", None, "search_leaf_pkey"),
    ("bare term", "jane.17", None, "search_nickname"),
    ("bare infix", "*corbadel*", None, "search_infix"),
    ("combined", "app_metadata.plan:gold AND logins_count:[290 TO *]", None, "activity_logins_count"),
    ("alternatives", f"app_metadata.plan:gold OR email:{email(17)}", None, "search_leaf_pkey"),
    ("alternatives of activity", f"logins_count:300 OR email:{email(17)}", None, "activity_logins_count"),
    ("everybody", "", None, "search_pkey"),
    ("opposite", "NOT app_metadata.plan:free", None, "search_pkey"),
    ("sorted", "", "name:1", "search_name"),
    ("sorted downwards", "", "last_login:-1", "activity_last_login"),
    ("sorted by metadata", "", "app_metadata.seats:-1", "search_leaf_pkey"),
    ("sorted and searched", "app_metadata.plan:platinum", "created_at:-1", "search_created"),
]


@pytest.mark.parametrize(
    ("query", "sort", "index"), [case[1:] for case in CLASSES], ids=[case[0] for case in CLASSES]
)
async def test_an_index_serves_every_class(
    connection: asyncpg.Connection, query: str, sort: str | None, index: str
) -> None:
    """The plan of a page reads the index made for the class, and no table from end to end."""
    predicate = analyze(parse(query))
    order = natural(predicate) if sort is None else sorted_by(sort)
    assert order is not None
    page = statements.page(TENANT, predicate, order, statements.Window(50))
    text = await connection.fetchval(EXPLAIN + page.text, *page.values)
    found = list(nodes(exact_json.loads(text)[0]["Plan"]))
    assert not [node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"]
    assert any(node.get("Index Name", "").startswith(index) for node in found), sorted(
        {node["Index Name"] for node in found if "Index Name" in node}
    )


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (f"email:{email(17)}", "search_email_folded"),
        ("family_name:smith", "search_family_name"),
        ("last_ip:198.51.100.1", "activity_last_ip"),
        ("email_verified:true", "search_email_verified"),
        ("name:jane*", "search_name"),
        ("created_at:[2020-01-03 TO *]", "search_created"),
        ("logins_count:[10 TO 20]", "activity_logins_count"),
        ("app_metadata.seats:[10 TO 20]", "search_leaf_pkey"),
        ("app_metadata.customer:cus_0*", "search_leaf_pkey"),
        ("app_metadata.plan:free", "search_leaf_pkey"),
    ],
)
async def test_an_index_serves_lookups_that_go_together(
    connection: asyncpg.Connection, query: str, index: str
) -> None:
    """One plan for whatever values reads the index in the order of the page, and
    nothing beyond the page."""
    predicate = analyze(parse(query))
    lookup = statements.lookup(predicate, natural(predicate), statements.Window(50))
    assert lookup is not None
    columns = [[value] * 16 for value in lookup.key]
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    try:
        text = await connection.fetchval(EXPLAIN + lookup.text, TENANT, *columns, lookup.limit)
    finally:
        await connection.execute("SET plan_cache_mode = force_custom_plan")
    whole = nodes(exact_json.loads(text)[0]["Plan"])
    found = list(nodes(next(node for node in whole if node["Node Type"] == "Limit")))
    assert not {node["Node Type"] for node in found} & {"Seq Scan", "Sort", "Incremental Sort"}
    assert any(node.get("Index Name", "") == index for node in found)


async def test_a_deep_cursor_starts_where_it_points(connection: asyncpg.Connection) -> None:
    """Nothing before the position is read: the index condition holds the position."""
    window = statements.Window(50, 0, CursorPosition(None, "sub_" + f"{5_000:032x}"))
    page = statements.page(TENANT, analyze(parse("")), Order(), window)
    text = await connection.fetchval(EXPLAIN + page.text, *page.values)
    scans = [
        node for node in nodes(exact_json.loads(text)[0]["Plan"]) if node.get("Index Name") == "search_pkey"
    ]
    assert scans
    assert "subject >" in scans[0]["Index Cond"]
