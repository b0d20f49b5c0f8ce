"""Verification: the log on the real broker against the real trail, altered in every way there is."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from deploy import database as databases
from projections.trail.checkpoint import Checkpoint, TreeHead
from services.auditor.decide import grow
from services.auditor.report import MISSING, PRESENT, ROW, Report
from services.auditor.signing import FileSigner, trusted_keys
from services.auditor.trail import read_tips, sign_checkpoint, write_growth
from services.auditor.verify import verify
from tests.support.stack import Database, Stack
from tests.worlds.audit_trail import (
    KEY,
    LoggedRecord,
    auditing,
    event,
    forget_before,
    log_folder,
    publish,
    read_log,
)

FLIP = "{0} = set_byte({0}, 9, get_byte({0}, 9) # 1)"


@dataclass(frozen=True)
class Trail:
    """An audited log and the database with its trail."""

    stack: Stack
    database: Database
    prefix: str

    @property
    def topic(self) -> str:
        return f"{self.prefix}profile.events"

    @property
    def signer(self) -> FileSigner:
        return FileSigner(self.stack.folder / "verify.pem")

    async def verified(self) -> Report:
        trusted = trusted_keys(f"file:{self.stack.folder / 'verify.pem'}")
        url = self.database.url_for("vita_operator")
        return await verify(self.stack.kafka, url, self.topic, trusted)

    async def sign(self) -> None:
        async with self.database.connected("vita_auditor") as connection:
            assert await sign_checkpoint(connection, self.topic, self.signer, datetime.now(UTC))

    async def alter(self, *statements: str) -> None:
        """As a superuser, who can do anything."""
        async with self.database.connected() as admin:
            for statement in statements:
                assert await admin.execute(statement) not in ("UPDATE 0", "DELETE 0")


async def new_trail(stack: Stack) -> Trail:
    return Trail(stack, *await stack.place())


@pytest.fixture(scope="module")
async def sound(stack: Stack) -> Trail:
    """The trail that the tests alter copies of: two batches of 300 records, then ten of another partition."""
    trail = await new_trail(stack)
    values = {0: [event(n) for n in range(600)], 1: [event(n) for n in range(9)] + [b"foreign"]}
    await publish(stack.kafka, trail.topic, values)
    log = await read_log(stack.kafka, trail.topic)
    for start, past in ((0, 300), (300, 600), (600, 610)):
        async with trail.database.connected("vita_auditor") as connection:
            tips = await read_tips(connection, range(12))
            await write_growth(connection, grow(tips, log[start:past]))
        await trail.sign()
    return trail


@pytest.fixture
async def trail(sound: Trail) -> AsyncIterator[Trail]:
    """A copy to alter."""
    name, admin_url = f"vita_test_{secrets.token_hex(6)}", sound.stack.admin_url
    database = sound.database
    await databases.clone_database(admin_url, database.name, name, database.access.prefix)
    yield Trail(sound.stack, database.copy(name), sound.prefix)
    await databases.drop_database(admin_url, name)


LEAF = {"partition": 0, "leaf_index": 17, "log_offset": 17}
LEAF_17 = "WHERE partition = 0 AND leaf_index = 17"
APPEND = {"partition": 0, "size_before": 300}
APPEND_300 = "WHERE partition = 0 AND size_before = 300"
APPEND_301 = APPEND | {"size_before": 301}
NODE = {"partition": 0, "level": 8, "index": 1}
NODE_1 = "WHERE partition = 0 AND level = 8 AND index = 1"

ALTERED = {
    ("leaf", "partition"): (f"partition = 5 {LEAF_17}", LEAF, ROW),
    ("leaf", "leaf_index"): (f"leaf_index = 4711 {LEAF_17}", LEAF, ROW),
    ("leaf", "log_offset"): (f"log_offset = 18 {LEAF_17}", LEAF, "log_offset"),
    ("leaf", "hash"): (f"{FLIP.format('hash')} {LEAF_17}", LEAF, "hash"),
    ("leaf", "tenant"): (f"tenant = 'dem0' {LEAF_17}", LEAF, "tenant"),
    ("leaf", "subject"): (f"subject = overlay(subject PLACING 'f' FROM 9) {LEAF_17}", LEAF, "subject"),
    ("leaf", "type"): (f"type = NULL {LEAF_17}", LEAF, "type"),
    ("leaf", "time"): (f"time = time + interval '1 microsecond' {LEAF_17}", LEAF, "time"),
    ("append", "partition"): (f"partition = 5 {APPEND_300}", APPEND, ROW),
    ("append", "size_before"): (f"size_before = 301 {APPEND_300}", APPEND_301, "size_before"),
    ("append", "size_after"): (f"size_after = 612 {APPEND_300}", APPEND, "size_after"),
    ("append", "next_offset"): (f"next_offset = 601 {APPEND_300}", APPEND, "next_offset"),
    ("append", "frontier"): (f"{FLIP.format('frontier')} {APPEND_300}", APPEND, "frontier"),
    ("node", "partition"): (f"partition = 5 {NODE_1}", NODE, ROW),
    ("node", "level"): (f"level = 16 {NODE_1}", NODE, ROW),
    ("node", "index"): (f"index = 2 {NODE_1}", NODE, ROW),
    ("node", "hash"): (f"{FLIP.format('hash')} {NODE_1}", NODE, "hash"),
    ("checkpoint", "id"): ("id = 5 WHERE id = 3", {"id": 5}, "id"),
    ("checkpoint", "time"): ("time = time + interval '1 microsecond' WHERE id = 2", {"id": 2}, "time"),
    ("checkpoint", "body"): ("body = replace(body, ' 600 ', ' 601 ') WHERE id = 2", {"id": 2}, "body"),
    ("checkpoint", "signature"): (f"{FLIP.format('signature')} WHERE id = 2", {"id": 2}, "signature"),
    ("checkpoint", "key_id"): ("key_id = 'ed25519:0' WHERE id = 2", {"id": 2}, "key_id"),
}


async def test_a_sound_trail_verifies(sound: Trail) -> None:
    """Nothing differs; every leaf, append, tile root and checkpoint was looked at; the report is plain."""
    report = await sound.verified()
    assert report.ok
    assert (report.leaves, report.checkpoints, report.lag) == (610, 3, 0)
    counts = [(part.leaves, part.appends, part.nodes) for part in report.partitions[:3]]
    assert counts == [(600, 2, 2), (10, 1, 0), (0, 0, 0)]
    assert orjson.loads(orjson.dumps(report.as_json()))["differences"] == []


async def test_every_column_is_altered_below(sound: Trail) -> None:
    """No column of the trail is left out of the next test."""
    async with sound.database.connected() as admin:
        rows = await admin.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_schema = 'trail' AND table_type = 'BASE TABLE'"
        )
    assert {tuple(row) for row in rows} == set(ALTERED)


@pytest.mark.parametrize("place", ALTERED, ids=".".join)
async def test_an_altered_column_is_named(trail: Trail, place: tuple[str, str]) -> None:
    """One altered value in any column of any table is found, and named with its row."""
    change, key, column = ALTERED[place]
    await trail.alter(f"UPDATE trail.{place[0]} SET {change}")
    found = (await trail.verified()).first
    assert found
    assert (found.table, found.place, found.column) == (f"trail.{place[0]}", key, column)
    assert found.expected != found.found
    assert str(found.place.get("leaf_index", "")) in str(found)


ROWS = {
    "leaf in the middle": (f"DELETE FROM trail.leaf {LEAF_17}", "trail.leaf", LEAF, MISSING),
    "last leaf": (
        "DELETE FROM trail.leaf WHERE partition = 0 AND leaf_index = 599",
        "trail.leaf", {"partition": 0, "leaf_index": 599}, MISSING,
    ),
    "leaf too many": (
        "INSERT INTO trail.leaf SELECT partition, 600, 600, hash FROM trail.leaf " + LEAF_17,
        "profile.events", {"partition": 0, "offset": 600}, MISSING,
    ),
    "leaf of an unknown partition": (
        "INSERT INTO trail.leaf SELECT 12, 0, 0, hash FROM trail.leaf " + LEAF_17,
        "trail.leaf", {"partition": 12}, PRESENT,
    ),
    "last append": (f"DELETE FROM trail.append {APPEND_300}", "trail.append", APPEND, MISSING),
    "tile root": (f"DELETE FROM trail.node {NODE_1}", "trail.node", NODE, MISSING),
    "tile root too many": (
        "INSERT INTO trail.node SELECT partition, 16, 0, hash FROM trail.node " + NODE_1,
        "trail.node", {"partition": 0, "level": 16, "index": 0}, PRESENT,
    ),
    "checkpoint": ("DELETE FROM trail.checkpoint WHERE id = 2", "trail.checkpoint", {"id": 2}, MISSING),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
async def test_a_row_taken_away_or_put_in_is_named(trail: Trail, name: str) -> None:
    """A row that is missing, or that should not be there, is found in every table."""
    statement, table, key, state = ROWS[name]
    await trail.alter(statement)
    found = (await trail.verified()).first
    assert found
    table = table.replace("profile.events", trail.topic)
    assert (found.table, found.place, found.column, found.found) == (table, key, ROW, state)


@pytest.mark.parametrize("size_after", [596, 612])
async def test_an_append_that_ends_elsewhere_is_named(trail: Trail, size_after: int) -> None:
    """An append's end moved up or down is named, with the size it should have."""
    await trail.alter(f"UPDATE trail.append SET size_after = {size_after} {APPEND_300}")
    found = (await trail.verified()).first
    assert found
    assert (found.place, found.column, found.expected, found.found) == (APPEND, "size_after", 600, size_after)


async def test_history_cut_off_is_named_by_the_signature(trail: Trail) -> None:
    """Newest rows removed from all tables look like lag to the log, but a checkpoint has signed them."""
    await trail.alter(
        "DELETE FROM trail.leaf WHERE partition = 0 AND leaf_index >= 300",
        f"DELETE FROM trail.append {APPEND_300}",
        f"DELETE FROM trail.node {NODE_1}",
    )
    found = (await trail.verified()).first
    assert found
    assert found.place == {"partition": 0, "leaf_index": 300, "checkpoint": 2}
    assert (found.table, found.column, found.found) == ("trail.leaf", ROW, MISSING)


async def test_a_root_that_was_signed_otherwise_is_named(trail: Trail) -> None:
    """When a trusted key signed another root, log and trail have been rewritten together."""
    async with trail.database.connected() as admin:
        body = await admin.fetchval("SELECT body FROM trail.checkpoint WHERE id = 3")
        heads: Mapping[int, TreeHead] = Checkpoint.parse(body).heads
        other = Checkpoint(trail.topic, 4, datetime.now(UTC), {**heads, 1: TreeHead(10, bytes(32))})
        row = (4, other.time, other.body(), await trail.signer.sign(other.body()), trail.signer.key_id)
        await admin.execute("INSERT INTO trail.checkpoint VALUES ($1, $2, $3, $4, $5)", *row)
    found = (await trail.verified()).first
    assert found
    assert (found.place, found.column) == ({"partition": 1, "size": 10, "checkpoint": 4}, "root")
    assert found.expected == bytes(32)


async def test_a_stranger_signature_is_named(trail: Trail) -> None:
    """A checkpoint whose key is not trusted does not count."""
    report = await verify(trail.stack.kafka, trail.database.url_for("vita_operator"), trail.topic, {})
    assert [(d.table, d.place, d.column) for d in report.differences] == [
        ("trail.checkpoint", {"id": 1}, "key_id")
    ]


async def test_records_not_audited_yet_are_lag(stack: Stack) -> None:
    """What the auditor has not reached is counted and is no difference."""
    trail = await new_trail(stack)
    await publish(stack.kafka, trail.topic, {3: [event(n) for n in range(5)]})
    async with auditing(stack, trail.database, trail.prefix) as auditor:
        await auditor.apply((await read_log(stack.kafka, trail.topic))[:3])
    await trail.alter("DELETE FROM trail.checkpoint")
    report = await trail.verified()
    assert report.ok
    assert (report.leaves, report.lag) == (3, 2)


async def test_an_altered_record_is_named(stack: Stack) -> None:
    """When the trail agrees with itself, it is the log's record that has changed."""
    trail = await new_trail(stack)
    await publish(stack.kafka, trail.topic, {0: [event(n) for n in range(20)]})
    log = await read_log(stack.kafka, trail.topic)
    log[13] = log[13]._replace(value=event(13, time="2026-11-23T10:00:13.001Z"))
    await append_directly(trail, log)
    found = (await trail.verified()).first
    assert found
    assert (found.table, found.place, found.column) == (trail.topic, {"partition": 0, "offset": 13}, "hash")


@pytest.mark.parametrize(
    ("damaged", "offset", "column"), [(b"8a9b-00000000000d", 13, "hash"), (KEY, 0, "batch")]
)
async def test_a_byte_flipped_on_the_brokers_disk_is_named(
    stack: Stack, damaged: bytes, offset: int, column: str
) -> None:
    """A damaged value is named by its offset; damage beside the values by where its batch begins."""
    trail = await new_trail(stack)
    await publish(stack.kafka, trail.topic, {0: [event(n) for n in range(20)]})
    await append_directly(trail, await read_log(stack.kafka, trail.topic))
    segment = await log_folder(stack.kafka) / f"{trail.topic}-0" / f"{0:020}.log"
    if not segment.exists():
        pytest.skip("the broker's disk is not within reach")
    flip_first_byte(segment, damaged)
    found = (await trail.verified()).first
    assert found
    assert (found.table, found.column) == (trail.topic, column)
    assert found.place == {"partition": 0, "offset": offset}


def flip_first_byte(file: Path, of: bytes) -> None:
    with file.open("r+b") as content:
        content.seek(content.read().index(of))
        content.write(bytes([of[0] ^ 1]))


async def test_a_record_the_log_has_lost_is_named(stack: Stack) -> None:
    """Records that are in the trail and no longer in the log are missing there."""
    trail = await new_trail(stack)
    await publish(stack.kafka, trail.topic, {0: [event(n) for n in range(20)]})
    await append_directly(trail, await read_log(stack.kafka, trail.topic))
    await forget_before(stack.kafka, trail.topic, 2)
    found = (await trail.verified()).first
    assert found
    assert (found.table, found.place, found.found) == (trail.topic, {"partition": 0, "offset": 0}, MISSING)


async def test_a_record_the_trail_left_out_is_named(stack: Stack) -> None:
    """A record that was passed over has no leaf."""
    trail = await new_trail(stack)
    await publish(stack.kafka, trail.topic, {0: [event(n) for n in range(20)]})
    log = await read_log(stack.kafka, trail.topic)
    await append_directly(trail, log[:7] + log[8:])
    found = (await trail.verified()).first
    assert found
    assert (found.table, found.column, found.found) == ("trail.leaf", ROW, MISSING)
    assert found.place == {"partition": 0, "leaf_index": 7, "log_offset": 7}


async def append_directly(trail: Trail, log: list[LoggedRecord]) -> None:
    async with trail.database.connected("vita_auditor") as connection:
        await write_growth(connection, grow({}, log))


async def test_verification_runs_beside_a_working_auditor(stack: Stack) -> None:
    """While leaves, appends, tiles and checkpoints arrive, a sound trail verifies every time."""
    trail = await new_trail(stack)
    await publish(stack.kafka, trail.topic, {p: [event(n) for n in range(1500)] for p in range(2)})
    log = await read_log(stack.kafka, trail.topic)

    async def work() -> None:
        async with auditing(stack, trail.database, trail.prefix) as auditor:
            for start in range(0, len(log), 60):
                await auditor.apply(log[start : start + 60])
                async with trail.database.connected("vita_auditor") as connection:
                    await sign_checkpoint(connection, trail.topic, trail.signer, datetime.now(UTC))

    working, reports = asyncio.create_task(work()), []
    while not working.done():
        reports.append(await trail.verified())
    await working
    assert [report.differences for report in reports] == [[]] * len(reports)
    assert len({report.leaves for report in reports}) > 1
