"""Least privilege and row-level security on the real database."""

import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from deploy.database import Access, DatabaseRefused, drop_installation, open_databases, prepare_database
from deploy.rights import declared
from deploy.roles import LOGINS, Passwords, role_url
from schemas.events import RolesAssigned, RolesData, UserCreated, UserCreatedData
from schemas.formats import exact_json
from services.ledger.keys.subject_keys import provider_from
from services.runtime.postgres.named_queries import load
from tests.support.named_queries import named_queries
from tests.support.stack import Stack
from tests.worlds.pipeline import Pipeline, make_pipeline, unused_subject


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pipeline(stack: Stack) -> AsyncIterator[Pipeline]:
    """An installation with one person in it."""
    pipeline = await make_pipeline(stack)
    data = UserCreatedData(
        connection="db", strategy="auth0", provider="auth0", idp_id="1", attributes={"email": "a@example.com"}
    )
    subject = unused_subject()
    await pipeline.send_events(
        pipeline.event(UserCreated, subject, data),
        pipeline.event(RolesAssigned, subject, RolesData(roles=("rol_1",))),
    )
    await pipeline.run("INSERT INTO ledger.directory VALUES ('demo', 'auth0', '1', $1)", subject)
    await pipeline.project()
    yield pipeline


TENANT_TABLES = (
    "views.profile",
    "views.search",
    "views.activity",
    "views.membership",
    "views.search_leaf",
    "views.tenant_search",
    "views.tenant_activity",
    "views.tenant_leaf",
    "ledger.directory",
    "ledger.subject_key",
    "view_1.profile",
)


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_management_sees_one_tenant_only(pipeline: Pipeline, table: str) -> None:
    """Without a tenant nothing, with another nothing, with the own one its rows, whatever the query says."""
    async with pipeline.connected("vita_management") as connection:
        counts = []
        for tenant in (None, "other", "demo"):
            if tenant is not None:
                await connection.execute("SELECT set_config('vita.tenant', $1, false)", tenant)
            counts.append(await connection.fetchval(f"SELECT count(*) FROM {table}"))
        assert counts[:2] == [0, 0]
        assert counts[2] >= 1


FORBIDDEN = [
    ("vita_ingest", "SELECT 1 FROM views.profile"),
    ("vita_ingest", "SELECT 1 FROM views.search"),
    ("vita_ingest", "SELECT user_id FROM view_1.search"),
    ("vita_ingest", "SELECT memory FROM view_1.login_guard"),
    ("vita_ingest", "INSERT INTO view_1.ip_guard DEFAULT VALUES"),
    ("vita_ingest", "DELETE FROM ledger.directory"),
    ("vita_management", "DELETE FROM view_1.login_guard"),
    ("vita_ingest", "SELECT private_wrapped FROM ledger.signing_key"),
    ("vita_ingest", "SELECT 1 FROM ledger.wrapping_key"),
    ("vita_normalizer", "SELECT 1 FROM views.profile"),
    ("vita_normalizer", "DELETE FROM ledger.directory"),
    ("vita_normalizer", "UPDATE ledger.subject_key SET profile = NULL"),
    ("vita_normalizer", "SELECT 1 FROM ledger.signing_key"),
    ("vita_projector", "DELETE FROM view_1.profile"),
    ("vita_projector", "DELETE FROM ledger.subject_key"),
    ("vita_projector", "INSERT INTO trail.leaf DEFAULT VALUES"),
    ("vita_auditor", "SELECT 1 FROM ledger.subject_key"),
    ("vita_auditor", "SELECT 1 FROM ledger.wrapping_key"),
    ("vita_auditor", "SELECT 1 FROM ledger.directory"),
    ("vita_auditor", "SELECT 1 FROM view_1.profile"),
    ("vita_auditor", "UPDATE trail.leaf SET log_offset = 0"),
    ("vita_auditor", "DELETE FROM trail.leaf"),
    ("vita_auditor", "TRUNCATE trail.leaf"),
    ("vita_auditor", "UPDATE trail.checkpoint SET body = ''"),
    ("vita_management", "UPDATE view_1.profile SET document = NULL"),
    ("vita_management", "INSERT INTO view_1.search DEFAULT VALUES"),
    ("vita_management", "DELETE FROM view_1.membership"),
    ("vita_normalizer", "SELECT 1 FROM views.membership"),
    ("vita_management", "DELETE FROM ledger.subject_key"),
    ("vita_management", "UPDATE ledger.position SET next_offset = 0"),
    *(
        (f"vita_{login}", f"INSERT INTO ledger.{table} DEFAULT VALUES")
        for login in LOGINS
        for table in ("wrapping_key", "signing_key")
        if login != "keymaster"
    ),
    ("vita_ingest", "SELECT document FROM view_1.setting"),
    ("vita_ingest", "SELECT 1 FROM ledger.subject_key"),
    ("vita_normalizer", "SELECT document FROM view_1.setting"),
    ("vita_normalizer", "SELECT default_picture FROM view_1.setting"),
    ("vita_ingest", "SELECT 1 FROM views.default_picture"),
    ("vita_operator", "INSERT INTO ledger.tenant_domain DEFAULT VALUES"),
    ("vita_management", "INSERT INTO ledger.tenant_domain DEFAULT VALUES"),
    ("vita_keymaster", "SELECT 1 FROM ledger.subject_key"),
    ("vita_keymaster", "SELECT 1 FROM view_1.profile"),
    ("vita_operator", "SELECT document FROM view_1.profile"),
    ("vita_operator", "SELECT 1 FROM view_1.search"),
    ("vita_operator", "SELECT 1 FROM ledger.directory"),
    ("vita_operator", "SELECT private_wrapped FROM ledger.signing_key"),
    ("vita_operator", "UPDATE ledger.topic_epoch SET epoch = 0"),
    ("vita_operator", "SELECT secrets FROM view_1.profile"),
    ("vita_operator", "SELECT secret_hash FROM view_1.client"),
    ("vita_operator", "UPDATE view_1.profile SET document = NULL"),
    ("vita_operator", "DELETE FROM ledger.subject_key"),
    ("vita_operator", "DELETE FROM trail.leaf"),
]


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
async def test_roles_do_only_their_own_work(pipeline: Pipeline, role: str, statement: str) -> None:
    """What is not a role's work is refused by the database itself."""
    async with pipeline.connected(role) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


_VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
_BY_COLUMN = ("SELECT", "INSERT", "UPDATE", "REFERENCES")


async def test_no_role_has_more_or_less_than_is_declared(pipeline: Pipeline) -> None:
    """Each role x table x verb, and each column and function, is as deploy/rights.yaml says."""
    tables = await pipeline.rows(
        "SELECT n.nspname AS schema, c.relname AS name, c.oid, array_agg(a.attname::text) AS columns"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relkind IN ('r', 'v') AND n.nspname IN ('ledger', 'trail', 'views', 'view_1')"
        " GROUP BY 1, 2, 3"
    )
    assert len(tables) > 60
    names = {f"{row['schema']}.{row['name']}".replace("view_1.", "view_N.") for row in tables}
    assert set(declared().tables) <= names, "declared, and not there"
    asked: list[tuple[str, int, str, str]] = []
    expected: list[bool] = []
    for row, login in itertools.product(tables, LOGINS):
        verbs = set(declared().on(row["schema"], row["name"]).get(login, ()))
        for verb in _VERBS:
            asked.append((pipeline.database.role(login), row["oid"], "", verb))
            expected.append((verb, "") in verbs)
        for verb, column in itertools.product(_BY_COLUMN, row["columns"]):
            asked.append((pipeline.database.role(login), row["oid"], column, verb))
            expected.append((verb, "") in verbs or (verb, column) in verbs)
    held = await pipeline.rows(
        "SELECT CASE WHEN field = '' THEN has_table_privilege(role, place, verb)"
        " ELSE has_column_privilege(role, place, field, verb) END AS held"
        " FROM unnest($1::text[], $2::oid[], $3::text[], $4::text[]) AS asked (role, place, field, verb)",
        *map(list, zip(*asked, strict=True)),
    )
    wrong = [
        (*ask, row["held"])
        for ask, row, want in zip(asked, held, expected, strict=True)
        if row["held"] != want
    ]
    assert wrong == []
    functions = await pipeline.rows(
        "SELECT n.nspname || '.' || f.proname AS name, l.login FROM pg_proc f JOIN pg_namespace n"
        " ON n.oid = f.pronamespace CROSS JOIN unnest($1::text[], $2::text[]) AS l (login, role)"
        " WHERE n.nspname IN ('ledger', 'trail') AND has_function_privilege(l.role, f.oid, 'EXECUTE')",
        list(LOGINS),
        [pipeline.database.role(login) for login in LOGINS],
    )
    allowed = {(name, login) for name, logins in declared().functions.items() for login in logins}
    assert {(row["name"], row["login"]) for row in functions} == allowed


async def test_roles_have_nothing_beside_the_declared_rights(pipeline: Pipeline) -> None:
    """No attribute of a role, no membership, nothing they own, no schema or database to create things in, no
    sequence, large object or parameter of the server widens what deploy/rights.yaml says."""
    roles = [pipeline.database.role(login) for login in LOGINS]
    wider = await pipeline.rows(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY ($1::text[])"
        " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)", roles,
    )  # fmt: skip
    member = await pipeline.rows(
        "SELECT m.member::regrole::text, m.roleid::regrole::text FROM pg_auth_members m"
        " WHERE m.member::regrole::text = ANY ($1::text[])", roles,
    )  # fmt: skip
    owned = await pipeline.rows(
        "SELECT d.refobjid::regrole::text, d.classid::regclass::text, d.objid FROM pg_shdepend d"
        " WHERE d.deptype = 'o' AND d.refclassid = 'pg_authid'::regclass"
        " AND d.refobjid::regrole::text = ANY ($1::text[])", roles,
    )  # fmt: skip
    created_in = await pipeline.rows(
        "SELECT r, n.nspname FROM unnest($1::text[]) AS r CROSS JOIN pg_namespace n"
        " WHERE has_schema_privilege(r, n.oid, 'CREATE') UNION ALL"
        " SELECT r, d.datname FROM unnest($1::text[]) AS r CROSS JOIN pg_database d"
        " WHERE d.datname = current_database() AND has_database_privilege(r, d.oid, 'CREATE, TEMP')", roles,
    )  # fmt: skip
    sequences = await pipeline.rows(
        "SELECT r, c.oid::regclass::text FROM unnest($1::text[]) AS r CROSS JOIN pg_class c"
        " WHERE c.relkind = 'S' AND has_sequence_privilege(r, c.oid, 'USAGE, SELECT, UPDATE')", roles,
    )  # fmt: skip
    other_kinds = await pipeline.rows(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('p', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    )
    definers = await pipeline.rows(
        "SELECT f.oid::regprocedure::text, l.r FROM pg_proc f CROSS JOIN unnest($1::text[]) AS l (r)"
        " WHERE f.prosecdef AND has_function_privilege(l.r, f.oid, 'EXECUTE')", roles,
    )  # fmt: skip
    dangerous = await pipeline.rows(
        "SELECT l.r, f.oid::regprocedure::text FROM pg_proc f CROSS JOIN unnest($1::text[]) AS l (r)"
        " WHERE f.proname IN ('pg_read_file', 'pg_ls_dir', 'lo_import', 'lo_export', 'pg_read_binary_file')"
        " AND has_function_privilege(l.r, f.oid, 'EXECUTE')", roles,
    )  # fmt: skip
    found = (wider, member, owned, created_in, sequences, other_kinds, definers, dangerous)
    assert [[tuple(row) for row in rows] for rows in found] == [[]] * len(found)


async def test_every_table_with_tenants_is_secured(pipeline: Pipeline) -> None:
    """A table with a tenant column has row-level security: one tenant, but for the declared roles."""
    rows = await pipeline.rows(
        "SELECT n.nspname AS schema, c.relname AS name, c.relrowsecurity AS secured,"
        " (SELECT coalesce(json_object_agg(p.policyname, p.roles), '{}') FROM pg_policies p"
        " WHERE p.schemaname = n.nspname AND p.tablename = c.relname) AS policies"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped"
        " WHERE c.relkind = 'r' AND n.nspname IN ('ledger', 'trail', 'view_1')"
    )
    assert len(rows) > 20
    for row in rows:
        name = f"{row['schema']}.{row['name']}".replace("view_1.", "view_N.")
        policies = exact_json.loads(row["policies"])
        exempt = sorted(pipeline.database.role(login) for login in declared().every_tenant[name])
        assert row["secured"], name
        assert sorted(policies.pop("every_tenant", [])) == exempt, name
        assert set(policies) <= {"one_tenant", "one_tenant_or_client"}, name
        assert policies, name


_EVERY: Final = ("ingest", "normalizer", "projector", "auditor", "management")
_RUNS: Final[Mapping[str, Mapping[str, str]]] = {
    "projections.client/queries.sql": {"projector": "*"},
    "projections.connection/queries.sql": {"projector": "*"},
    "projections.daily/queries.sql": {"projector": "*"},
    "projections.linked_identity/queries.sql": {"projector": "*"},
    "projections.log_entry/queries.sql": {"projector": "*"},
    "projections.login_guard/queries.sql": {"projector": "*"},
    "projections.membership/queries.sql": {"projector": "*"},
    "projections.population/queries.sql": {"projector": "*"},
    "projections.profile/queries.sql": {"projector": "*"},
    "projections.quarantined_login/queries.sql": {"projector": "*"},
    "projections.search/queries.sql": {"projector": "*"},
    "projections.session/queries.sql": {"projector": "*"},
    "projections.setting/queries.sql": {"projector": "*"},
    "projections.trail/queries.sql": {
        "auditor": "*",
        "operator": "newest_appends newest_appends_everywhere",
        "projector": "newest_appends",
    },
    "projections.trail/verify.sql": {"operator": "*"},
    "services.ledger/dead_letters.sql": {
        "normalizer": "note find_noted",
        "projector": "note",
        "operator": "count list find note_opened",
    },
    "services.ledger/replays.sql": {
        "normalizer": "lock next replayed refused recent",
        "projector": "lock next replayed refused recent",
        "operator": "request drop states",
    },
    "services.ledger/repairs.sql": {
        "projector": "request state next mended settle clear note checked",
        "operator": "request found state summary",
    },
    "services.views/person_rows.sql": {"projector": "*"},
    "services.ledger/directory.sql": {
        "ingest": "login_checks",
        "normalizer": "resolve register_missing resolve_sign_in_names",
        "management": "register register_and_reserve find_registered associations_of_identities"
        " subject_of_identity",
    },
    "services.ledger/idempotency.sql": {"management": "*"},
    "services.ledger/quarantine_notices.sql": {"normalizer": "*"},
    "services.ledger/reservations.sql": {
        "projector": "confirm drop release_replaced",
        "management": "reserve values_in_view connection_name_in_view setting_name_in_view release renew"
        " unsettled unsettled_among release_connection release_setting lock_kind count_settings",
    },
    "services.ledger/sagas.sql": {"management": "*"},
    "services.ledger/tenant_domains.sql": {
        "ingest": "list_hosts",
        "management": "list_hosts",
        "keymaster": "add remove list_domains",
    },
    "services.ledger/tenants.sql": {
        "ingest": "connections_of_tenant",
        "normalizer": "connections_of_tenants",
        "management": "list_names",
        "operator": "add list exists",
        "keymaster": "exists",
    },
    "services.ledger.keys/gateway_keys.sql": {
        "normalizer": "read_current",
        "operator": "add end list",
    },
    "services.ledger.keys/signing_keys.sql": {
        "ingest": "public_keys",
        "management": "public_keys current_key",
        "keymaster": "*",
    },
    "services.ledger.keys/subject_keys.sql": {
        "normalizer": "wrapping_keys read_keys add_keys",
        "projector": "wrapping_keys read_keys add_keys",
        "management": "wrapping_keys read_keys add_keys",
        "operator": "wrapping_keys read_keys add_keys",
        "keymaster": "wrapping_keys add_wrapping_key",
    },
    "services.ledger.keys/users.sql": {
        "projector": "read_owners",
        "management": "users_with_secrets users_to_edit users_by_email whole_users",
    },
    "services.ledger.progress/epochs.sql": {"normalizer": "*", "projector": "*"},
    "services.ledger.progress/generations.sql": {
        "projector": "live_generation generation_origin rebuild_progress",
        "operator": "list_generations",
    },
    "services.ledger.progress/heartbeats.sql": {
        **dict.fromkeys(_EVERY, "beat end forget latest"),
        "operator": "list_beats",
    },
    "services.ledger.progress/position_watch.sql": {"management": "*", "operator": "*"},
    "services.ledger.progress/positions.sql": {
        "projector": "read_positions passed_positions begin_positions advance hold_position",
        "management": "live_positions",
        "operator": "live_positions",
    },
    "services.queries/clients.sql": {
        "management": "speak_for_client find_client_of_any_tenant find_client list_clients",
        "operator": "list_client_summaries find_client_scopes",
    },
    "services.queries/connections.sql": {"management": "*"},
    "services.queries/history.sql": {"operator": "*", "projector": "record_positions"},
    "services.queries/login_failures.sql": {"management": "*"},
    "services.queries/members.sql": {"management": "*"},
    "services.queries/settings.sql": {
        "normalizer": "read_attribute_profiles",
        "management": "find_setting find_setting_by_name list_settings find_settings find_setting_event"
        " log_retention",
    },
    "services.queries/statistics.sql": {"management": "*"},
    "services.queries/users.sql": {"management": "*"},
    "services.queries.logs/pages.sql": {"management": "*"},
    "services.queries.sessions/device_credentials.sql": {"management": "*"},
    "services.queries.sessions/grants.sql": {"management": "*"},
    "services.queries.sessions/refresh_tokens.sql": {"management": "*"},
    "services.queries.sessions/sessions.sql": {"management": "*"},
    "services.queries.user_history/trail_index.sql": {"management": "*"},
    "services.runtime.postgres/tenant_pool.sql": {"management": "*", "ingest": "*"},
}
"""File of named queries -> login role -> the queries it runs, `*` for all of them."""


def _run_by(file: str, login: str) -> set[str]:
    names = _RUNS[file][login]
    return set(load(*file.split("/"))) if names == "*" else set(names.split())


@pytest.mark.parametrize("file", _RUNS)
async def test_every_role_may_run_its_own_queries(pipeline: Pipeline, file: str) -> None:
    """No role has too little: its named queries pass the server's check of rights."""
    statements = load(*file.split("/"))
    for login in _RUNS[file]:
        async with pipeline.connected(login) as connection:
            await connection.execute("SET search_path = view_1, public")
            for name in _run_by(file, login):
                await connection.execute(f"EXPLAIN (GENERIC_PLAN) {statements[name].rstrip(';')}")


def test_every_query_is_run_by_a_role() -> None:
    """No named query escapes the check of rights, except those of rebuilds, which run as the owner."""
    checked = {
        (file, name) for file, logins in _RUNS.items() for login in logins for name in _run_by(file, login)
    }
    queries = {
        (f"{package}/{file}", name)
        for package, file, name in named_queries()
        if package != "services.rebuild" and file != "rebuilds.sql"
    }
    assert queries == checked


async def test_roles_enter_their_own_database_only(pipeline: Pipeline) -> None:
    """A second installation on the server has its own roles; none enters the other's database."""
    stack, name = pipeline.stack, f"{pipeline.database.name}_two"
    provider = provider_from(f"file:{stack.folder / name}.kek")
    passwords = Passwords({})
    try:
        made = await prepare_database(stack.admin_url, name, provider, Access(passwords))
        assert set(made) == set(LOGINS)
        rows = await pipeline.rows(
            "SELECT r.rolname, d.datname FROM pg_roles r CROSS JOIN pg_database d"
            " WHERE r.rolname = ANY ($1::text[]) AND d.datallowconn"
            " AND has_database_privilege(r.oid, d.oid, 'CONNECT')",
            [f"{name}_{login}" for login in LOGINS],
        )
        entered = {row["datname"] for row in rows}
        assert {place for place in entered if place.startswith("vita_")} == {name}
        assert not stack.exclusive or entered == {name}
        assert not stack.exclusive or await open_databases(stack.admin_url, name) == []
        theirs = role_url(stack.admin_url, f"{name}_projector", made["projector"], name)
        await _enter(theirs)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _enter(theirs.removesuffix(name) + pipeline.database.name)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _enter(pipeline.database.copy(name).url_for("projector"))
    finally:
        await drop_installation(stack.admin_url, name)


async def test_preparing_again_keeps_unknown_passwords(pipeline: Pipeline) -> None:
    """Unknown passwords are kept, rotated on request, and taken from the environment; another key-encryption
    key is refused."""
    stack, name = pipeline.stack, f"{pipeline.database.name}_again"
    provider = provider_from(f"file:{stack.folder / name}.kek")

    async def prepare(environment: dict[str, str], *rotate: str) -> dict[str, str]:
        access = Access(Passwords(environment), rotate)
        return await prepare_database(stack.admin_url, name, provider, access)

    def url(login: str, password: str) -> str:
        return role_url(stack.admin_url, f"{name}_{login}", password, name)

    try:
        made = await prepare({})
        assert await prepare({}) == {}
        await _enter(url("ingest", made["ingest"]))
        rotated = await prepare({"VITA_AUDITOR_PASSWORD": "given"}, "ingest")
        assert set(rotated) == {"ingest"}
        await _enter(url("ingest", rotated["ingest"]))
        await _enter(url("auditor", "given"))
        for login in ("ingest", "auditor"):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await _enter(url(login, made[login]))
        provider = provider_from(f"file:{stack.folder / name}.other")
        with pytest.raises(DatabaseRefused, match="VITA_KEY_PROVIDER"):
            await prepare({})
    finally:
        await drop_installation(stack.admin_url, name)


async def _enter(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.close()
