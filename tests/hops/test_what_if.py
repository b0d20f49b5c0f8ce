"""What-if on the real broker and database: histories replayed with logins that are mapped again."""

from typing import Any

import pytest

from projections.normalization import ConnectionSettings
from projections.remapping.comparison import ABSENT
from schemas.events import ConnectionConfigured, MetadataChanged, MetadataChangedData
from schemas.formats import exact_json
from schemas.formats.identifiers import new_event_id
from schemas.topics import Topic
from services.normalizer.decide import connection_registered
from services.rebuild.rebuild import Options, RebuildRefused, Step, rebuild
from services.rebuild.what_if import replay
from services.rebuild.what_if.question import Answer, PersonDifference, Question
from services.rebuild.what_if.replay import UnknownConnection, WhatIf
from services.runtime.kafka.log_reader import open_log
from tests.samples.profile_events import edit
from tests.worlds.pipeline import NOW, Pipeline

MENDED = {"fieldsMap": {"name": "display"}}


def connection(number: int = 0, **options: Any) -> ConnectionConfigured:
    """A connection named `corp`, as an admin configures it."""
    event = connection_registered("demo", ConnectionSettings("corp", "oidc", {}), NOW)
    data = event.data.model_copy(update={"settings": {"options": options}})
    return event.model_copy(update={"data": data, "id": new_event_id(NOW), "actor": "client:admin"})


async def signed_in(pipeline: Pipeline, *people: str, **claims: Any) -> None:
    """People sign in through `corp`; the views know it."""
    start = {0: len(await pipeline.logged(Topic.LOGINS_RAW))}
    await pipeline.send_raw(
        *(
            pipeline.login(
                data={
                    "connection": "corp",
                    "strategy": "oidc",
                    "claims": {
                        "sub": one, "name": one, "display": f"{one} Doe", "email": f"{one}@example.com",
                        "picture": "https://pictures.example.com/1.png",
                        **claims,
                    },
                }
            )
            for one in people
        )
    )  # fmt: skip
    await pipeline.normalize(start)
    await pipeline.project()


async def asked(pipeline: Pipeline, **question: Any) -> tuple[Answer, list[PersonDifference]]:
    """The answer to a question, asked with the operator's rights."""
    given = {"tenant": "demo", "connection": "corp", "changes": None, "sample": None, **question}
    found: list[PersonDifference] = []
    steps: list[tuple[str, int, int]] = []
    topic = pipeline.prefix + Topic.PROFILE_EVENTS.value
    async with pipeline.connected("operator") as operator, open_log(pipeline.stack.kafka, topic) as log:
        what_if = WhatIf(
            connection=operator,
            keyring=pipeline.keyring,
            log=log,
            question=Question(**given),
            public_url="http://127.0.0.1:8080/",
            report=lambda *step: steps.append(step),
            found=found.append,
        )
        answer = await what_if.run()
    assert steps[-1][0] == "replaying"
    assert steps[-1][1] == steps[-1][2]
    return answer, found


@pytest.mark.parametrize("people_per_bucket", [25_000, 2])
async def test_a_changed_mapping(
    pipeline: Pipeline, people_per_bucket: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each person's name would be that of the other claim, and the leftovers would be the others; people of
    other connections and tenants do not count, and nothing is written."""
    monkeypatch.setattr(replay, "SUBJECTS_PER_BUCKET", people_per_bucket)
    await pipeline.add_tenant("other")
    await pipeline.send_events(connection())
    await pipeline.project()
    people = [f"p{number}" for number in range(20)]
    await signed_in(pipeline, *people)
    await pipeline.send_raw(pipeline.login(), pipeline.login(tenant="other"), partition=1)
    await pipeline.normalize({0: 20})
    await pipeline.project()
    before = [tuple(row) for row in await pipeline.rows("SELECT * FROM views.profile ORDER BY subject")]
    ends = len(await pipeline.logged(Topic.PROFILE_EVENTS))

    answer, found = await asked(pipeline, changes=MENDED)
    assert (answer.people, answer.changed, answer.unreadable) == (20, 20, 0)
    assert answer.logins == {"changed": 20}
    counted = answer.changes, answer.removals, answer.additions
    assert counted == ({"name": 20}, {"display": 20}, {"oidc_name": 20})
    by_user = {one.user_id: one.changes for one in found}
    assert by_user["oidc|corp|p7"] == {
        "name": ("p7", "p7 Doe"),
        "display": ("p7 Doe", ABSENT),
        "oidc_name": (ABSENT, "p7"),
    }
    after = [tuple(row) for row in await pipeline.rows("SELECT * FROM views.profile ORDER BY subject")]
    assert after == before
    assert len(await pipeline.logged(Topic.PROFILE_EVENTS)) == ends


async def test_only_what_a_login_decides_changes(pipeline: Pipeline) -> None:
    """An admin's edit and later claims keep their precedence: who would not notice the change is not
    counted."""
    await pipeline.send_events(connection(set_user_root_attributes="on_first_login"))
    await pipeline.project()
    await signed_in(pipeline, "edited", "plain")
    by_user = {row["user_id"]: row["subject"] for row in (await pipeline.views("profile")).values()}
    edited = by_user["oidc|corp|edited"]
    await pipeline.send_events(
        edit(name="Chosen").model_copy(update={"subject": edited}),
        pipeline.event(MetadataChanged, edited, MetadataChangedData(user_metadata={"a": 1})),
    )
    await pipeline.project()
    answer, found = await asked(pipeline, changes={"fieldsMap": {"name": ["display"]}})
    changes = {one.user_id: set(one.changes) for one in found}
    leftovers = {"display", "oidc_name"}
    assert changes == {"oidc|corp|edited": leftovers, "oidc|corp|plain": {"name", *leftovers}}
    assert answer.events == 4


async def test_the_code_of_this_build(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """With each login's own settings the code that wrote the log changes nothing, also where options changed
    in between; another code shows what it changes."""
    await pipeline.send_events(connection())
    await pipeline.project()
    await signed_in(pipeline, "a", "b")
    await pipeline.send_events(connection(**MENDED))
    await pipeline.project()
    await signed_in(pipeline, "c")
    answer, found = await asked(pipeline, connection=None)
    assert (answer.people, answer.logins, found) == (3, {"unchanged": 3}, [])

    from projections.normalization import mapping

    monkeypatch.setattr(mapping, "default_nickname", lambda *_: ("anonymous", "nobody"))
    answer, found = await asked(pipeline, connection=None)
    assert answer.changes == {"nickname": 3}
    assert {one.changes["nickname"].after for one in found} == {"anonymous"}


async def test_a_sample(pipeline: Pipeline) -> None:
    """As many people as asked for, the same ones each time, with their whole histories."""
    await pipeline.send_events(connection())
    await pipeline.project()
    people = [f"p{number}" for number in range(30)]
    await signed_in(pipeline, *people)
    await signed_in(pipeline, *people)
    answer, found = await asked(pipeline, changes=MENDED, sample=5)
    assert (answer.people, answer.changed, answer.logins["changed"]) == (5, 5, 10)
    assert (await asked(pipeline, changes=MENDED, sample=5))[1] == found
    assert (await asked(pipeline, changes=MENDED, sample=100))[0].people == 30


async def test_logins_that_cannot_be_mapped_again(pipeline: Pipeline) -> None:
    """They are counted, and replayed as the log has them."""
    await pipeline.send_events(connection(keep_claims=False))
    await pipeline.project()
    await signed_in(pipeline, "without")
    await pipeline.send_events(connection())
    await pipeline.project()
    await signed_in(pipeline, "with")
    answer, found = await asked(pipeline, changes=MENDED)
    assert answer.logins == {"not_kept": 1, "changed": 1}
    assert [one.user_id for one in found] == ["oidc|corp|with"]
    answer, _ = await asked(pipeline, changes={"fieldsMap": {"user_id": "email"}})
    assert answer.leads_elsewhere == 1


async def test_an_erased_person_is_passed_over(pipeline: Pipeline) -> None:
    """Whose keys are gone is in no answer."""
    await pipeline.send_events(connection())
    await pipeline.project()
    await signed_in(pipeline, "gone", "here")
    by_user = {row["user_id"]: row["subject"] for row in (await pipeline.views("profile")).values()}
    await pipeline.run(
        "UPDATE ledger.subject_key SET profile = NULL, activity = NULL WHERE owner = $1",
        by_user["oidc|corp|gone"],
    )
    answer, found = await asked(pipeline, changes=MENDED)
    assert (answer.people, [one.user_id for one in found]) == (1, ["oidc|corp|here"])


async def test_an_unknown_connection_is_refused(pipeline: Pipeline) -> None:
    """The error names the connections that exist."""
    await pipeline.send_events(connection())
    with pytest.raises(UnknownConnection) as refused:
        await asked(pipeline, connection="nosuch")
    assert refused.value.known == ["corp"]


async def test_a_renormalized_generation_has_what_was_foreseen(pipeline: Pipeline) -> None:
    """The rebuild reports the differences and switches only when they are accepted; every profile is then
    what the question foresaw. Later rebuilds do the same, until one is told not to."""
    await pipeline.send_events(connection())
    await pipeline.project()
    await signed_in(pipeline, "a", "b")
    await pipeline.send_raw(pipeline.login(), partition=1)
    await pipeline.normalize({0: 2})
    await pipeline.project()
    _, foreseen = await asked(pipeline, changes=MENDED)
    before = await documents(pipeline)
    await pipeline.send_events(connection(**MENDED))
    await pipeline.project()

    access = pipeline.rebuild_access
    assert (await rebuild(access, Options(processes=1, switch=False), ignore)).differences == ()
    with pytest.raises(RebuildRefused, match="differs") as refused:
        await rebuild(access, Options(processes=1, renormalize=True), ignore)
    assert "vita rebuild --renormalize --accept-differences" in refused.value.advice
    assert await documents(pipeline) == before
    accepted = Options(processes=1, renormalize=True, accept_differences=True)
    rebuilt = await rebuild(access, accepted, ignore)
    assert (rebuilt.renormalized, rebuilt.is_live, rebuilt.events) == (True, True, 0)
    changed = {one.subject: one.changes for one in foreseen}
    assert {one.subject for one in rebuilt.differences} == changed.keys()
    for subject, document in (await documents(pipeline)).items():
        changes = changed.get(subject, {})
        expected = before[subject] | {name: change.after for name, change in changes.items()}
        assert document == {name: value for name, value in expected.items() if value is not ABSENT}

    again = await rebuild(access, Options(processes=1), ignore)
    assert (again.renormalized, again.differences) == (True, ())
    with pytest.raises(RebuildRefused, match="differs"):
        await rebuild(access, Options(processes=1, renormalize=False), ignore)
    back = Options(processes=1, renormalize=False, accept_differences=True)
    assert not (await rebuild(access, back, ignore)).renormalized
    assert await documents(pipeline) == before


async def documents(pipeline: Pipeline) -> dict[str, Any]:
    """The live profiles by subject."""
    rows = await pipeline.views("profile")
    return {subject: exact_json.loads(row["document"]) for subject, row in rows.items()}


def ignore(_: Step) -> None:
    """A report that nobody reads."""
