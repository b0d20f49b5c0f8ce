"""A version with other view tables shows a new generation, which the projector fills from the log."""

from tests.facts import address, creation, login
from tests.flow import make_flow, somebody
from tests.stack import Stack


async def test_another_definition_calls_for_a_new_generation(stack: Stack) -> None:
    """What the old tables held comes back out of the log, byte for byte, and claims stay as they are."""
    flow = await make_flow(stack)
    await flow.send_events(*(login(subject=somebody(), idp_id=str(number)) for number in range(5)))
    await flow.project()
    before = {subject: tuple(row) for subject, row in (await flow.views("profile")).items()}
    assert len(before) == 5
    await flow.run("UPDATE ledger.generation SET definition = 'of an earlier version'")
    await stack.prepare_again(flow.database.name)
    assert [
        tuple(row) for row in await flow.rows("SELECT number, state FROM ledger.generation ORDER BY 1")
    ] == [
        (1, "retired"),
        (2, "live"),
    ]
    assert await flow.views("profile") == {}
    await flow.project()
    assert {subject: tuple(row) for subject, row in (await flow.views("profile")).items()} == before


async def test_a_replay_leaves_claims_alone(stack: Stack) -> None:
    """What history claimed and gave up was settled when it happened: today's claims outlive a replay."""
    flow = await make_flow(stack)
    subject = somebody()
    created = creation(subject=subject)
    changed = address("new@example.com", minute=1).model_copy(update={"subject": subject})
    await flow.send_events(created, changed)
    await flow.project()
    await flow.run(
        "INSERT INTO ledger.reservation (tenant, connection, kind, value, subject, event_id, confirmed)"
        " VALUES ('demo', 'users', 'email', 'new@example.com', $1, $2, true)",
        subject,
        changed.id,
    )
    await flow.run("UPDATE ledger.generation SET definition = 'of an earlier version'")
    await stack.prepare_again(flow.database.name)
    await flow.project()
    assert len(await flow.views("profile")) == 1
    assert [row["value"] for row in await flow.rows("SELECT value FROM ledger.reservation")] == [
        "new@example.com"
    ]


async def test_the_same_definition_is_left_alone(stack: Stack) -> None:
    """Preparing again makes no generation."""
    flow = await make_flow(stack)
    await stack.prepare_again(flow.database.name)
    assert await flow.rows("SELECT number FROM ledger.generation WHERE number > 1") == []
