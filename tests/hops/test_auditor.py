"""profile.events -> trail, on the real broker and database."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest

from projections.trail.checkpoint import Checkpoint, is_signed
from projections.trail.merkle import Tree, leaf_hash
from projections.trail.proofs import verify_consistency, verify_inclusion
from schemas.formats.identifiers import tenant_subject
from services.auditor.proofs import MissingHash, consistency_proof, inclusion_proof
from services.auditor.signing import default_provider, signer, trusted_keys
from services.auditor.trail import read_tips, sign_checkpoint
from services.runtime.postgres.named_queries import load
from services.runtime.worker.consumer import Fenced
from tests.support.stack import Database, Stack
from tests.worlds.audit_trail import (
    LoggedRecord,
    auditing,
    event,
    forget_before,
    publish,
    read_log,
    tree_of,
)

ROLES = [
    "vita_ingest",
    "vita_normalizer",
    "vita_projector",
    "vita_auditor",
    "vita_management",
    "vita_operator",
]
TABLES = ["trail.leaf", "trail.append", "trail.node", "trail.checkpoint"]


def records(*offsets: int, partition: int = 0) -> list[LoggedRecord]:
    return [LoggedRecord(partition, offset, event(offset)) for offset in offsets]


async def audited(database: Database) -> dict[int, Tree]:
    async with database.connected("vita_auditor") as connection:
        return {partition: tip.tree for partition, tip in (await read_tips(connection, range(12))).items()}


@asynccontextmanager
async def auditor_process(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.auditor", env=os.environ | environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_batch_becomes_leaves_in_the_order_of_the_log(stack: Stack) -> None:
    """Every record of a mixed batch has a leaf with its exact hash and open part; the position has moved."""
    database = await stack.database()
    batch = [*records(0, 1), LoggedRecord(7, 0, b"foreign \x00\xff bytes"), LoggedRecord(7, 1, None)]
    async with auditing(stack, database, "") as auditor:
        await auditor.apply(batch)
        assert await auditor.stored_positions([0, 3, 7]) == {0: 2, 7: 2}
    async with database.connected() as admin:
        rows = await admin.fetch("SELECT * FROM trail.leaf ORDER BY partition, leaf_index")
    hashes = [sha256(b"\x00" + (record.value or b"")).digest() for record in batch]
    ten, kind = datetime(2026, 11, 23, 10, tzinfo=UTC), "profile.login.succeeded"
    assert [tuple(row) for row in rows] == [
        (0, 0, 0, hashes[0], "demo", f"sub_{0:032x}", kind, ten),
        (0, 1, 1, hashes[1], "demo", f"sub_{1:032x}", kind, ten + timedelta(seconds=1)),
        (7, 0, 0, hashes[2], None, None, None, None),
        (7, 1, 1, hashes[3], None, None, None, None),
    ]  # fmt: skip


async def test_any_batches_grow_the_same_trees(stack: Stack) -> None:
    """Trees, leaves and tile roots do not depend on how the log is split into batches."""
    batch = [*records(*range(700)), *records(*range(300), partition=1)]
    found = []
    for size in (1000, 97):
        database = await stack.database()
        async with auditing(stack, database, "") as auditor:
            for start in range(0, len(batch), size):
                await auditor.apply(batch[start : start + size])
        async with database.connected() as admin:
            leaves = await admin.fetch("SELECT * FROM trail.leaf ORDER BY partition, leaf_index")
            nodes = await admin.fetch("SELECT * FROM trail.node ORDER BY partition, level, index")
        found.append((await audited(database), leaves, nodes))
    assert found[0] == found[1]
    assert found[0][0] == {0: tree_of(batch, 0), 1: tree_of(batch, 1)}
    assert len(found[0][2]) == 2 + 1


async def test_a_batch_is_never_added_twice(stack: Stack) -> None:
    """A batch that was added already, or half of it, is fenced and leaves nothing behind."""
    database = await stack.database()
    async with auditing(stack, database, "") as auditor:
        await auditor.apply(records(0, 1, 2))
        for again in (records(0, 1, 2), records(2, 3)):
            with pytest.raises(Fenced):
                await auditor.apply(again)
        assert (await audited(database))[0].size == 3


async def test_of_two_owners_of_a_partition_one_is_fenced(stack: Stack) -> None:
    """Of two auditors that extend one tree at once, one succeeds and the other writes nothing."""
    database = await stack.database()
    async with auditing(stack, database, "") as one, auditing(stack, database, "") as other:
        batch = [*records(*range(50)), *records(*range(50), partition=1)]
        ends = await asyncio.gather(one.apply(batch), other.apply(batch), return_exceptions=True)
    assert sorted(type(end) for end in ends if end is not None) == [Fenced]
    assert {partition: tree.size for partition, tree in (await audited(database)).items()} == {0: 50, 1: 50}


async def test_records_that_were_passed_over_are_not_skipped(stack: Stack) -> None:
    """A batch that begins after the expected offset is refused if the log has records between them."""
    database, prefix = await stack.place()
    await publish(stack.kafka, f"{prefix}profile.events", {0: [event(n) for n in range(3)]})
    async with auditing(stack, database, prefix) as auditor:
        with pytest.raises(Fenced):
            await auditor.apply(records(1, 2))
        assert await audited(database) == {}


async def test_offsets_without_a_record_do_not_stop_the_trail(stack: Stack) -> None:
    """Where the log has no record at an offset, the tree continues with the next record."""
    database, prefix = await stack.place()
    topic = f"{prefix}profile.events"
    await publish(stack.kafka, topic, {0: [event(n) for n in range(5)]})
    await forget_before(stack.kafka, topic, 3)
    async with auditing(stack, database, prefix) as auditor:
        await auditor.apply(records(3, 4))
        assert await auditor.stored_positions([0]) == {0: 5}
    assert (await audited(database))[0].size == 2


async def test_a_process_audits_what_flows_and_signs_when_it_ends(stack: Stack) -> None:
    """A real auditor catches up, ends cleanly on SIGTERM, and its last checkpoint covers everything."""
    database, prefix = await stack.place()
    topic, environment = f"{prefix}profile.events", stack.environment("auditor", database, prefix)
    await publish(stack.kafka, topic, {p: [event(n) for n in range(40)] for p in range(12)})
    async with auditor_process(environment) as process:
        await stack.until(lambda: covered(database, 12 * 40))
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    log = await read_log(stack.kafka, topic)
    async with database.connected("vita_operator") as operator:
        row = await operator.fetchrow("SELECT * FROM trail.checkpoint ORDER BY id DESC LIMIT 1")
    keys = trusted_keys(default_provider(environment["VITA_KEY_PROVIDER"]))
    assert is_signed(row["body"], row["signature"], keys[row["key_id"]])
    heads = Checkpoint.parse(row["body"]).heads
    assert {p: head.root for p, head in heads.items()} == {p: tree_of(log, p).root for p in range(12)}


async def test_a_killed_process_loses_and_doubles_nothing(stack: Stack) -> None:
    """Killed amid its work, the auditor ends with every record in the trail exactly once."""
    database, prefix = await stack.place()
    topic, environment = f"{prefix}profile.events", stack.environment("auditor", database, prefix)
    environment["VITA_AUDIT_BATCH_RECORDS"] = "50"
    await publish(stack.kafka, topic, {p: [event(n) for n in range(1000)] for p in range(3)})
    async with auditor_process(environment) as process:
        await stack.until(lambda: covered(database, 1))
        process.kill()
    async with auditor_process(environment):
        await stack.until(lambda: covered(database, 3000))
    log = await read_log(stack.kafka, topic)
    assert await audited(database) == {p: tree_of(log, p) for p in range(3)}


async def covered(database: Database, leaves: int) -> bool:
    return sum(tree.size for tree in (await audited(database)).values()) >= leaves


async def test_checkpoints_are_numbered_and_only_written_for_growth(stack: Stack) -> None:
    """Signing twice without growth writes once; of two signers at once one writes; numbers have no hole."""
    database = await stack.database()
    key = signer(f"file:{stack.folder / database.name}.pem")
    async with auditing(stack, database, "") as auditor, database.connected("vita_auditor") as one:
        await auditor.apply(records(0))
        now = datetime.now(UTC)
        first = await sign_checkpoint(one, "profile.events", key, now)
        assert first
        assert first.number == 1
        assert await sign_checkpoint(one, "profile.events", key, now) is None
        await auditor.apply(records(1))
        async with database.connected("vita_auditor") as other:
            both = [sign_checkpoint(c, "profile.events", key, now) for c in (one, other)]
            signed = [checkpoint for checkpoint in await asyncio.gather(*both) if checkpoint]
        assert [checkpoint.number for checkpoint in signed] == [2]
        assert await one.fetchval("SELECT array_agg(id ORDER BY id) FROM trail.checkpoint") == [1, 2]


async def test_proofs_from_the_stored_trail_hold(stack: Stack) -> None:
    """Inclusion and consistency proofs read from the tables verify offline against the trees' roots."""
    database = await stack.database()
    leaves = [leaf_hash(event(n)) for n in range(600)]
    roots = {size: Tree().extend(leaves[:size])[0].root for size in (1, 256, 300, 513, 600)}
    async with auditing(stack, database, "") as auditor:
        await auditor.apply(records(*range(600)))
    async with database.connected("vita_management") as connection:
        for index, size in ((0, 600), (255, 256), (299, 300), (511, 513), (599, 600)):
            shown = await inclusion_proof(connection, 0, index, size)
            assert verify_inclusion(leaves[index], index, size, shown.path, roots[size])
        for old, new in ((1, 256), (256, 600), (300, 513), (513, 600), (600, 600)):
            joined = await consistency_proof(connection, 0, old, new)
            assert verify_consistency(old, roots[old], new, roots[new], joined.path)
        with pytest.raises(MissingHash):
            await inclusion_proof(connection, 0, 5, 700)


@pytest.fixture
async def filled(stack: Stack) -> Database:
    """A database whose trail has a row in every table, of two tenants."""
    database = await stack.database()
    other = event(300, tenant="other", subject=tenant_subject("other"))
    async with auditing(stack, database, "") as auditor:
        await auditor.apply([*records(*range(300)), LoggedRecord(0, 300, other)])
    return database


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", TABLES)
async def test_no_role_changes_a_row(filled: Database, role: str, table: str) -> None:
    """UPDATE, DELETE and TRUNCATE are refused to every service; only the auditor may add."""
    async with filled.connected(role) as connection:
        for statement in changes(table):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    async with filled.connected() as admin:
        may_add = await admin.fetchval(
            "SELECT has_table_privilege($1, $2, 'INSERT')", filled.role(role), table
        )
    assert may_add == (role == "vita_auditor")


@pytest.mark.parametrize("table", TABLES)
async def test_not_even_the_owner_changes_a_row(filled: Database, table: str) -> None:
    """The tables' owner, who needs no grant, is refused by the second wall."""
    async with filled.connected() as admin:
        await admin.execute(f'SET ROLE "{filled.role("owner")}"')
        for statement in changes(table):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await admin.execute(statement)


def changes(table: str) -> list[str]:
    column = "body" if table == "trail.checkpoint" else "partition"
    return [f"UPDATE {table} SET {column} = NULL", f"DELETE FROM {table}", f"TRUNCATE {table}"]


async def test_a_tenant_sees_its_own_leaves(filled: Database) -> None:
    """The Management API's role sees the leaves of the tenant it has set, and none without one."""
    async with filled.connected("vita_management") as connection:
        count = "SELECT count(*) FROM trail.leaf"
        assert await connection.fetchval(count) == 0
        for tenant, leaves in (("demo", 300), ("other", 1), ("stranger", 0)):
            await connection.execute("SELECT set_config('vita.tenant', $1, false)", tenant)
            assert await connection.fetchval(count) == leaves


async def test_a_person_is_found_through_an_index(filled: Database) -> None:
    """The way from a subject to the offsets of its records goes through an index."""
    subject = f"sub_{3:032x}"
    find = f"SELECT log_offset FROM trail.leaf WHERE tenant = 'demo' AND subject = '{subject}' ORDER BY 1"
    async with filled.connected() as admin:
        await admin.execute("SET enable_seqscan = off")
        plan = await admin.fetch(f"EXPLAIN {find}")
        offsets = [row[0] for row in await admin.fetch(find)]
    assert any("leaf_by_subject" in row[0] for row in plan)
    assert offsets == [n for n in range(300) if n % 16 == 3]


@pytest.mark.parametrize("file", ["queries.sql", "verify.sql"])
async def test_every_statement_prepares(filled: Database, file: str) -> None:
    """Each named query is valid on the real server, for the role that runs it."""
    role = "vita_auditor" if file == "queries.sql" else "vita_operator"
    async with filled.connected(role) as connection:
        for statement in load("projections.trail", file).values():
            prepared: Any = await connection.prepare(statement)
            assert prepared
