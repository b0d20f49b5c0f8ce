"""A connection's own mapping goes before the strategy's."""

from typing import Any

import pytest

from projections.normalization import ConnectionSettings, Normalized, UnmappableLogin, identify, normalize


def login(strategy: str, claims: dict[str, Any], **options: Any) -> Normalized:
    return normalize(ConnectionSettings("corp", strategy, options), {"sub": "1", "uid": "1", **claims})


@pytest.mark.parametrize("strategy", ["oidc", "samlp", "google-oauth2", "ad", "oauth2", "adfs"])
def test_fields_map_works_for_any_strategy(strategy: str) -> None:
    """The named claim wins over the strategy's, the first one that holds anything, by name or by path."""
    claims = {
        "email": "a@x.example",
        "name": "A",
        "Work Mail": "",
        "w": {"mail": ["b@x.example"]},
        "team": "T",
    }
    fields = {"email": ["Work Mail", "w.mail"], "department": "team"}
    found = login(strategy, claims, fieldsMap=fields)
    assert found.attributes["email"] == "b@x.example"
    assert found.sources["email"] == "w.mail[0]"
    assert found.extras["department"] == "T"


def test_a_mapped_key_comes_from_the_mapping_only() -> None:
    """Where the named claims hold nothing there is no value; names fall back on their defaults."""
    found = login(
        "oidc",
        {"email": "a@x.example", "name": "N", "given_name": "G"},
        fieldsMap={"email": "x", "name": "x"},
    )
    assert "email" not in found.attributes
    assert (found.attributes["name"], found.sources["name"]) == ("G", "default:given_name")
    found = login("oidc", {"department": "D"}, fieldsMap={"department": "x"})
    assert "department" not in found.extras


def test_a_mapped_value_must_fit() -> None:
    """A mapping cannot make a picture of a number."""
    assert login("oidc", {"n": 5}, fieldsMap={"picture": "n"}).sources["picture"].startswith("default:")


def test_exact_names_go_before_paths() -> None:
    """A claim whose name holds a dot is found by that name."""
    assert (
        login("oidc", {"user.dept": "flat", "user": {"dept": "deep"}}, fieldsMap={"d": "user.dept"}).extras[
            "d"
        ]
        == "flat"
    )


def test_templates() -> None:
    """Literals, values, text around values, the connection; values keep their type."""
    templates = {
        "groups_there": "${context.userinfo.groups}",
        "alt": "id:${context.tokenset.sub}/${context.userinfo.active}",
        "where": "${context.connection.name}|${context.connection.strategy}",
        "literal": "x",
        "number": 5,
        "absent": "${context.tokenset.nothing}",
        "half": "x-${context.tokenset.nothing}",
        "list": "x-${context.tokenset.groups}",
        "unknown": "${context.connection.id}",
    }
    found = login(
        "okta",
        {"groups": ["a"], "active": True},
        attribute_map={"attributes": templates, "mapping_mode": "use_map"},
    )
    assert found.extras == {
        "groups_there": ["a"],
        "alt": "id:1/true",
        "where": "corp|okta",
        "literal": "x",
        "number": 5,
    }


def test_use_map_keeps_only_mapped_leftovers() -> None:
    """`use_map` keeps what the template names; `bind_all` and no mode keep everything; attributes stay
    either way."""
    claims = {"email": "a@x.example", "shoe": 38, "dept": "D"}
    for mode, kept in (("use_map", {"d"}), ("bind_all", {"d", "shoe"}), (None, {"d", "shoe"})):
        rules = {"mapping_mode": mode, "attributes": {"d": "${context.tokenset.dept}"}}
        found = login("oidc", claims, attribute_map=rules)
        assert found.extras.keys() - {"oidc_user_id", "uid"} == kept
        assert found.attributes["email"] == "a@x.example"


def test_a_mapping_cannot_write_the_profiles_own_keys() -> None:
    """Reserved root names are prefixed here as well."""
    found = login("oidc", {"x": "gold"}, fieldsMap={"app_metadata": "x", "blocked": "x"})
    assert found.extras.keys() >= {"oidc_app_metadata", "oidc_blocked"}
    assert found.extras.keys().isdisjoint({"app_metadata", "blocked"})


def test_denied_claims_cannot_be_mapped() -> None:
    """What must not be stored is not stored under another name."""
    found = login("oidc", {"ssn": "078"}, fieldsMap={"x": "ssn"}, non_persistent_attrs=["ssn"])
    assert "078" not in str(found)


@pytest.mark.parametrize(
    "junk", [None, 5, "x", [], [{}], {"attributes": 5}, {"attributes": {"name": {"a": 1}}}]
)
def test_broken_mappings_are_no_mappings(junk: Any) -> None:
    """Invalid options, which can be stored, have no effect."""
    found = login(
        "oidc", {"email": "a@x.example"}, attribute_map=junk, fieldsMap=junk, non_persistent_attrs=junk
    )
    assert found.attributes["email"] == "a@x.example"


TOO_MUCH: list[dict[str, Any]] = [
    {"fieldsMap": {f"k{number}": "big" for number in range(400)}},
    {"attribute_map": {"attributes": {f"k{number}": "${context.tokenset.big}" for number in range(400)}}},
    {"attribute_map": {"attributes": {"name": "${context.tokenset.big} " * 400}}},
    {"fieldsMap": {f"k{number}": "deep" for number in range(400)}},
]


@pytest.mark.parametrize("options", TOO_MUCH)
def test_a_mapping_does_not_make_gigabytes_of_a_claim(options: dict[str, Any]) -> None:
    """The result for one login is limited, however often the mapping uses a claim."""
    claims = {"big": "x" * 300_000, "deep": {"inner": ["x" * 300_000]}}
    with pytest.raises(UnmappableLogin, match="too_much"):
        login("oidc", claims, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"fieldsMap": {"name": ["absent"] * 3_000}},
        {"fieldsMap": {f"k{number}": "absent" for number in range(3_000)}},
        {"fieldsMap": {"user_id": ["absent"] * 3_000}},
        {"attribute_map": {"attributes": {"name": "${context.tokenset.absent}" * 3_000}}},
        {"attribute_map": {"attributes": {"user_id": "${context.tokenset.absent}" * 3_000}}},
    ],
)
def test_a_mapping_names_a_limited_number_of_claims(options: dict[str, Any]) -> None:
    """Every login through the connection costs what its mapping names, and others wait meanwhile."""
    for read in (normalize, identify):
        if read is normalize or "user_id" in str(options):
            with pytest.raises(UnmappableLogin, match="too_much"):
                read(ConnectionSettings("corp", "oidc", options), {"sub": "1"})


def test_an_unfinished_variable_is_text() -> None:
    """Any number of them is read in one pass."""
    template = "${context.tokenset." * 499
    assert login("oidc", {}, attribute_map={"attributes": {"name": template}}).attributes["name"] == template
