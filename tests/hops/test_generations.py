"""A version with other view tables rebuilds the views before it starts, and the old ones stay complete."""

from typing import Any

from deploy.rebuild import rebuild_if_needed
from tests.samples.profile_events import address, creation, login
from tests.support.stack import Stack
from tests.worlds.pipeline import Pipeline, make_pipeline, unused_subject


async def other_version(pipeline: Pipeline) -> None:
    """Make the live views those of an earlier version, with a column that this version does not have."""
    await pipeline.run("ALTER TABLE view_1.profile ADD COLUMN old text")
    await pipeline.run("UPDATE ledger.generation SET definition = 'of an earlier version'")


async def test_another_definition_is_rebuilt_before_it_is_shown(stack: Stack) -> None:
    """Reads find all users in every phase, and byte for byte what they found before."""
    pipeline = await make_pipeline(stack)
    await pipeline.send_events(*(login(subject=unused_subject(), idp_id=str(number)) for number in range(5)))
    await pipeline.project()
    before = await documents(pipeline)
    await other_version(pipeline)
    await stack.prepare_again(pipeline.database.name)
    assert await documents(pipeline) == before

    phases: list[str] = []
    rebuilt = await rebuild_if_needed(pipeline.rebuild_access, lambda step: phases.append(step.phase))
    assert rebuilt is not None
    assert rebuilt.differences == ()
    assert list(dict.fromkeys(phases)) == ["replay", "index", "catch_up", "compare"]
    assert await documents(pipeline) == before
    rows = await pipeline.rows("SELECT number, state FROM ledger.generation ORDER BY 1")
    assert [tuple(row) for row in rows] == [(1, "retired"), (2, "live")]
    (row, *_) = await pipeline.rows("SELECT * FROM views.profile")
    assert "old" not in dict(row)


async def documents(pipeline: Pipeline) -> dict[str, Any]:
    """What reads find of each user."""
    return {subject: row["document"] for subject, row in (await pipeline.views("profile")).items()}


async def test_a_rebuild_leaves_reservations_alone(stack: Stack) -> None:
    """What the history reserved and released was settled when it happened: today's reservations stay."""
    pipeline = await make_pipeline(stack)
    subject = unused_subject()
    created = creation(subject=subject)
    changed = address("new@example.com", minute=1).model_copy(update={"subject": subject})
    await pipeline.send_events(created, changed)
    await pipeline.project()
    await pipeline.run(
        "INSERT INTO ledger.reservation (tenant, connection, kind, value, subject, event_id, confirmed)"
        " VALUES ('demo', 'users', 'email', 'new@example.com', $1, $2, true)",
        subject,
        changed.id,
    )
    await other_version(pipeline)
    await rebuild_if_needed(pipeline.rebuild_access, lambda step: None)
    await pipeline.project()
    assert len(await pipeline.views("profile")) == 1
    assert [row["value"] for row in await pipeline.rows("SELECT value FROM ledger.reservation")] == [
        "new@example.com"
    ]


async def test_the_same_definition_is_left_alone(stack: Stack) -> None:
    """Preparing again makes no generation."""
    pipeline = await make_pipeline(stack)
    await stack.prepare_again(pipeline.database.name)
    assert await rebuild_if_needed(pipeline.rebuild_access, lambda step: None) is None
    assert await pipeline.rows("SELECT number FROM ledger.generation WHERE number > 1") == []
