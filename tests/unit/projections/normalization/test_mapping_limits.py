"""Limits of a connection's own mapping, and how its rules find claims."""

from typing import Any

import pytest

from projections.normalization import ConnectionSettings, UnmappableLogin, identify, normalize
from projections.normalization.identity import IDENTITY_SPACE, may_use, space_of
from projections.normalization.leftovers import MAX_DEPTH, prune
from projections.normalization.overrides import MOST_MAPPED_BYTES, MOST_NAMES

USERINFO = "${context.userinfo.%s}"


def mapped(claims: dict[str, Any], strategy: str = "oidc", **options: Any) -> Any:
    return normalize(ConnectionSettings("corp", strategy, options), {"sub": "1", **claims})


def templates(**attributes: Any) -> dict[str, Any]:
    return {"attribute_map": {"mapping_mode": "bind_all", "attributes": attributes}}


def test_a_mapping_reads_a_limited_number_of_claims() -> None:
    """Names in lists, variables in templates; a template without any counts as one."""
    assert MOST_NAMES == 500
    names = ["x"] * MOST_NAMES
    identity = {"fieldsMap": {"user_id": [*names[1:], "sub"]}}
    assert identify(ConnectionSettings("corp", "oidc", identity), {"sub": "1"})[1].endswith("1")
    assert mapped({}, fieldsMap={"a": names}).extras == {}
    with pytest.raises(UnmappableLogin):
        mapped({}, fieldsMap={"a": [*names, "x"]})
    with pytest.raises(UnmappableLogin):
        mapped({}, fieldsMap={"a": names, "b": "x"})
    variables = "".join([USERINFO % "x"] * MOST_NAMES)
    assert mapped({}, **templates(a=variables)).extras == {}
    with pytest.raises(UnmappableLogin):
        mapped({}, **templates(a=variables, b="literal"))
    assert mapped({}, **templates(a="".join([USERINFO % "x"] * (MOST_NAMES - 1)), b="B")).extras == {"b": "B"}
    with pytest.raises(UnmappableLogin):
        identify(ConnectionSettings("corp", "oidc", {"fieldsMap": {"user_id": [*names, "x"]}}), {"sub": "1"})


def test_a_mapping_returns_a_limited_number_of_bytes() -> None:
    """A value with several keys counts for each of them."""
    half = "x" * (MOST_MAPPED_BYTES // 2)
    assert mapped({"big": half}, fieldsMap={"a": "big", "b": "big"}).extras["b"] == half
    with pytest.raises(UnmappableLogin):
        mapped({"big": half}, fieldsMap={"a": "big", "b": "big", "c": "sub"})


def test_claims_are_kept_unless_the_mapping_is_all() -> None:
    """`use_map` keeps none but those it names."""
    claims = {"team": "T", "other": "O"}
    bound = mapped(claims, **templates(department=USERINFO % "team"))
    assert bound.extras["department"] == "T"
    assert bound.extras["other"] == "O"
    only = {"attribute_map": {"mapping_mode": "use_map", "attributes": {"department": USERINFO % "team"}}}
    assert mapped(claims, **only).extras == {"department": "T"}
    odd = {"attribute_map": {"mapping_mode": "use_map", "attributes": "odd"}}
    assert mapped(claims, **odd).extras["other"] == "O"


def test_a_secret_is_not_mapped() -> None:
    """A path that is or passes a secret has no value."""
    claims = {"password": "p", "client_secret": {"x": "s"}, "team": "T"}
    found = mapped(claims, fieldsMap={"a": "password", "b": "client_secret.x", "c": ["", 5, "team"]})
    assert found.extras.get("a") is None
    assert found.extras.get("b") is None
    assert found.extras["c"] == "T"


def test_identities_are_shared_where_both_connections_say_so() -> None:
    """Both connections must have one strategy and name one identity space."""

    def settings(strategy: str = "samlp", **options: Any) -> ConnectionSettings:
        return ConnectionSettings("corp", strategy, options)

    name = IDENTITY_SPACE
    shared = settings(**{name: "x"})
    assert may_use(shared, settings(**{name: "x"}))
    assert not may_use(shared, settings(**{name: "y"}))
    assert not may_use(shared, settings())
    assert not may_use(settings(), settings())
    assert not may_use(shared, None)
    assert not may_use(shared, settings("adfs", **{name: "x"}))
    assert space_of({name: ""}) is space_of({name: 5}) is space_of({}) is None


def test_leftovers_are_pruned() -> None:
    """Secrets and empty members are removed at every depth."""
    assert prune({"a": [{"password": "p"}, "", {"b": 1}], "c": {"d": None}}) == {"a": [{"b": 1}]}
    assert prune({"a": []}) is None
    assert prune([[]]) is None
    assert prune(0) == 0
    assert prune(False) is False


def test_leftovers_are_nested_so_deeply_and_no_deeper() -> None:
    """Leftovers at the limit of nesting can be written as JSON."""

    def nested(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = [value]
        return value

    assert prune(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(UnmappableLogin):
        prune(nested(MAX_DEPTH + 1))
