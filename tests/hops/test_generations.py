"""A version with other view tables shows a new generation, which the projector fills from the log."""

from tests.samples.profile_events import address, creation, login
from tests.support.stack import Stack
from tests.worlds.pipeline import make_pipeline, unused_subject


async def test_another_definition_calls_for_a_new_generation(stack: Stack) -> None:
    """What the old tables held comes back out of the log, byte for byte, and claims stay as they are."""
    pipeline = await make_pipeline(stack)
    await pipeline.send_events(*(login(subject=unused_subject(), idp_id=str(number)) for number in range(5)))
    await pipeline.project()
    before = {subject: tuple(row) for subject, row in (await pipeline.views("profile")).items()}
    assert len(before) == 5
    await pipeline.run("UPDATE ledger.generation SET definition = 'of an earlier version'")
    await stack.prepare_again(pipeline.database.name)
    assert [
        tuple(row) for row in await pipeline.rows("SELECT number, state FROM ledger.generation ORDER BY 1")
    ] == [
        (1, "retired"),
        (2, "live"),
    ]
    assert await pipeline.views("profile") == {}
    await pipeline.project()
    assert {subject: tuple(row) for subject, row in (await pipeline.views("profile")).items()} == before


async def test_a_replay_leaves_claims_alone(stack: Stack) -> None:
    """What history claimed and gave up was settled when it happened: today's claims outlive a replay."""
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
    await pipeline.run("UPDATE ledger.generation SET definition = 'of an earlier version'")
    await stack.prepare_again(pipeline.database.name)
    await pipeline.project()
    assert len(await pipeline.views("profile")) == 1
    assert [row["value"] for row in await pipeline.rows("SELECT value FROM ledger.reservation")] == [
        "new@example.com"
    ]


async def test_the_same_definition_is_left_alone(stack: Stack) -> None:
    """Preparing again makes no generation."""
    pipeline = await make_pipeline(stack)
    await stack.prepare_again(pipeline.database.name)
    assert await pipeline.rows("SELECT number FROM ledger.generation WHERE number > 1") == []
