"""Each strategy's documented payloads become exactly the profile their documentation means."""

import json
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from projections.normalization import (
    ATTRIBUTES,
    KNOWN_STRATEGIES,
    ConnectionSettings,
    claims_to_keep,
    identifier_to_keep,
    identify,
    is_social,
    normalize,
    remap,
)

PAYLOADS = sorted((Path(__file__).parent / "payloads").glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


@pytest.fixture(params=PAYLOADS, ids=lambda path: path.stem)
def payload(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(request.param)


def test_payload_becomes_the_expected_profile(payload: dict[str, Any]) -> None:
    """The whole normalized login is the one written down beside the payload."""
    connection = ConnectionSettings(**payload["connection"])
    normalized = normalize(connection, payload["claims"], payload.get("identifier"))
    assert asdict(normalized) == payload["expected"]


def test_identify_agrees(payload: dict[str, Any]) -> None:
    """`identify` returns the identity that the complete mapping returns."""
    connection, expected = ConnectionSettings(**payload["connection"]), payload["expected"]
    identified = identify(connection, payload["claims"], payload.get("identifier"))
    assert identified == (expected["provider"], expected["idp_id"])
    assert is_social(connection.strategy) is expected["is_social"]


def test_payload_is_left_alone(payload: dict[str, Any]) -> None:
    """Neither claims nor options are changed, and the answer shares nothing with them."""
    before = deepcopy(payload)
    normalized = normalize(
        ConnectionSettings(**payload["connection"]), payload["claims"], payload.get("identifier")
    )
    for value in normalized.extras.values():
        if isinstance(value, dict | list):
            value.clear()
    assert payload == before


def test_every_attribute_has_a_source(payload: dict[str, Any]) -> None:
    """`sources` has exactly the attributes, and none of them is a leftover too."""
    expected = payload["expected"]
    assert expected["attributes"].keys() == expected["sources"].keys()
    assert expected["extras"].keys().isdisjoint(ATTRIBUTES)
    assert payload["source"]


def test_every_strategy_has_a_payload() -> None:
    """No strategy is without a documented example."""
    assert {path.name.split(".")[0] for path in PAYLOADS} >= KNOWN_STRATEGIES


def test_a_kept_payload_is_mapped_again_to_the_expected_profile(payload: dict[str, Any]) -> None:
    """What an event keeps of the claims gives the whole normalized login again."""
    connection, identifier = ConnectionSettings(**payload["connection"]), payload.get("identifier")
    expected = payload["expected"]
    again = remap(
        connection,
        claims_to_keep(connection, payload["claims"]),
        (expected["provider"], expected["native_id"]),
        identifier_to_keep(connection, identifier),
    )
    assert asdict(again.person) == expected
    assert not again.leads_elsewhere
