"""The topic catalogue is whole, and says what the laws of the log need."""

from importlib.resources import files

import pytest
from pydantic import ValidationError

from schemas.logins.raw_login import MAX_BYTES
from schemas.sealing import mapper
from schemas.topics import Topic, TopicSpec, catalogue

DAY = 86_400_000


def test_one_file_per_topic() -> None:
    """Every topic has its file, named for it, and no file is left over."""
    names = {path.name for path in (files("schemas") / "topics").iterdir()}
    assert names == {f"{topic.value}.yaml" for topic in Topic}
    assert all(spec.topic is topic for topic, spec in catalogue().items())


def test_facts_are_kept_for_ever() -> None:
    """Neither time nor size nor compaction ever takes an event from the log."""
    config = catalogue()[Topic.PROFILE_EVENTS].config()
    assert (config["retention.ms"], config["retention.bytes"], config["cleanup.policy"]) == (
        "-1",
        "-1",
        "delete",
    )


def test_readable_claims_are_kept_for_a_week() -> None:
    """Raw logins are not sealed and so do not stay; quarantined ones are sealed and wait a month."""
    assert catalogue()[Topic.LOGINS_RAW].retention == 7 * DAY
    assert catalogue()[Topic.LOGINS_RAW_DLQ].retention == 30 * DAY


def test_both_main_topics_are_equally_wide() -> None:
    """Twelve partitions, chosen at creation and for ever."""
    assert {catalogue()[topic].partitions for topic in (Topic.LOGINS_RAW, Topic.PROFILE_EVENTS)} == {12}


def test_dead_letters_have_room() -> None:
    """Each main topic has its quarantine, where the largest record fits sealed and in base64."""
    for topic in (Topic.LOGINS_RAW, Topic.PROFILE_EVENTS):
        spec = catalogue()[topic]
        assert spec.dead_letters is Topic(f"{topic.value}.dlq")
        assert catalogue()[spec.dead_letters].max_message_bytes > spec.max_message_bytes * 16 // 9
        assert catalogue()[spec.dead_letters].contract == "dead_letter"


def test_the_largest_login_fits() -> None:
    """What ingest accepts, the topic takes."""
    assert catalogue()[Topic.LOGINS_RAW].max_message_bytes > MAX_BYTES + 4096


def test_the_largest_event_is_read() -> None:
    """A reader takes what the topic takes."""
    assert catalogue()[Topic.PROFILE_EVENTS].max_message_bytes == mapper.MAX_BYTES


def test_producers_and_consumers_exist() -> None:
    """Producers and consumers are parts of Vita or gateways."""
    parts = {"gateways", "ingest", "normalizer", "management", "operator", "projector", "auditor", "rebuilds"}
    for spec in catalogue().values():
        assert {*spec.producers, *spec.consumers} <= parts
        assert spec.producers


@pytest.mark.parametrize(
    "change", [{"retention": "soon"}, {"cleanup": "compact"}, {"owner": "me"}, {"topic": "other"}]
)
def test_a_misspelt_file_is_found(change: dict[str, str]) -> None:
    """Unknown keys and values stop the start rather than being passed over."""
    spec = catalogue()[Topic.LOGINS_RAW].model_dump()
    with pytest.raises(ValidationError):
        TopicSpec(**{**spec, **change})
