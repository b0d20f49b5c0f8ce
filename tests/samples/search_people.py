"""People and queries about them, for Hypothesis: few letters, so that searches find people."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from schemas.formats.instants import render
from tests.samples.search_reference import FLAGS, INSTANTS, NUMBERS, TEXTS, Query, as_number, scalars

LETTERS = "aAbBσΣςßé1.-*?\"\\%_: ()'/名"
START = datetime(2025, 11, 30, 23, 59, 58, 500_000, tzinfo=UTC)

words = st.one_of(
    st.text(LETTERS, max_size=4),
    st.sampled_from(
        [
            "jane",
            "Jane Doe",
            "AND",
            "true",
            "13",
            "-1",
            "x" * 256,
            "x" * 257,
            "a\nb",
            "2000-12",
            "2000-12-05",
            "aa_b",
            "aaxb",
            "aa%b",
            "aa\\_b",
            "AAxB",
        ]
    ),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=3),
)
numbers = st.one_of(
    st.integers(-3, 13), st.sampled_from([0.5, 13.0, -0.0, 1e21, 10**21, 2**70, -(2**70), 10**300])
)
scalars_of = st.one_of(st.none(), st.booleans(), numbers, words)
keys = st.sampled_from(["a", "b", "a.b", "plan", "x y", "A"])
values: st.SearchStrategy[Any] = st.recursive(
    scalars_of,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=4,
)
objects = st.dictionaries(keys, values, max_size=3)
instants = st.integers(0, 80).map(lambda step: render(START + timedelta(hours=step * step, seconds=step)))
names = st.one_of(
    st.sampled_from(["Jane", "jane doe", "JANE", "Jo", "ΟΔΟΣ", "ΟΔΟΣΑ", "y" * 257, "aa_b", "AAxB"]), words
)
emails = st.tuples(
    st.sampled_from(["jane", "Jane", "j_%"]), st.sampled_from(["x.com", "X.COM", "y.org"])
).map("@".join)
identities = st.fixed_dictionaries(
    {
        "connection": st.sampled_from(["corp", "google-oauth2"]),
        "provider": st.sampled_from(["oidc", "google-oauth2"]),
        "user_id": st.sampled_from(["1", 1, 2**70, "abc"]),
        "isSocial": st.booleans(),
    },
    optional={"profileData": objects},
)
_OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "email": emails,
    "email_verified": st.booleans(),
    "username": words,
    "phone_number": st.sampled_from(["+1", "+15550100"]),
    "phone_verified": st.booleans(),
    "name": names,
    "nickname": names,
    "given_name": names,
    "family_name": names,
    "picture": words,
    "blocked": st.booleans(),
    "user_metadata": objects,
    "app_metadata": objects,
    "last_login": instants,
    "last_ip": st.sampled_from(["192.0.2.1", "2001:db8::1"]),
    "logins_count": st.integers(0, 13),
    "locale": values,
    "x_1": values,
}


@st.composite
def people(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A few persons; `organization_id` represents their memberships."""
    found = []
    for number in range(draw(st.integers(1, 7))):
        given = draw(st.fixed_dictionaries({}, optional=_OPTIONAL))
        found.append(
            {
                "user_id": draw(st.sampled_from(["auth0", "google-oauth2"])) + f"|{number}",
                "created_at": draw(instants),
                "updated_at": draw(instants),
                "identities": draw(st.lists(identities, min_size=1, max_size=2)),
                "organization_id": draw(st.lists(st.sampled_from(["org_1", "org_2"]), unique=True)),
                **given,
            }
        )
    return found


SEARCHED = (*TEXTS, *FLAGS, *INSTANTS, *NUMBERS)
ELSEWHERE = ("user_metadata.a", "app_metadata.plan", "locale", "identities.profileData.a", "nobody.has.this")
PICTURED = ("picture",)


@st.composite
def queries(draw: st.DrawFn, found: list[dict[str, Any]]) -> Query:
    """A query about these persons, mostly with words of theirs."""
    leaf = st.deferred(lambda: _leaves(found))
    return draw(
        st.recursive(
            leaf,
            lambda inner: st.one_of(
                st.tuples(st.just("not"), inner),
                st.lists(inner, min_size=2, max_size=3).map(lambda parts: ("and", *parts)),
                st.lists(inner, min_size=2, max_size=3).map(lambda parts: ("or", *parts)),
            ),
            max_leaves=4,
        )
    )


def _leaves(found: list[dict[str, Any]]) -> st.SearchStrategy[Query]:
    held = [
        (path, value) for person in found for path, value in scalars(person)
        if path not in PICTURED and len(path) <= 256
    ]  # fmt: skip
    held += [("email.domain", person["email"].split("@")[1]) for person in found if "email" in person]
    one = st.one_of(
        st.sampled_from(held),
        st.tuples(st.sampled_from([path for path, _ in held] + list(SEARCHED + ELSEWHERE)), scalars_of),
    )
    return st.one_of(
        one.flatmap(_terms), one.flatmap(_terms), one.flatmap(_wilds), st.tuples(one, one).flatmap(_ranges),
        one.map(lambda pair: ("exists", pair[0])),
        one.map(lambda pair: ("exists", pair[0].rpartition(".")[0] or pair[0])).filter(_is_object_or_field),
        st.just(("all",)),
    )  # fmt: skip


def _is_object_or_field(query: Query) -> bool:
    root = query[1].partition(".")[0]
    return query[1] in SEARCHED or root not in ("email", "name", *PICTURED)


def said(value: Any) -> str:
    """A value as callers write it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.1f}"
    return str(value)


def _terms(pair: tuple[str, Any]) -> st.SearchStrategy[Query]:
    field, value = pair
    if field in INSTANTS:
        return st.tuples(st.just("term"), st.just(field), dates(value), st.booleans())
    if field in FLAGS:
        return st.tuples(st.just("term"), st.just(field), st.sampled_from(["true", "false"]), st.booleans())
    if field in NUMBERS:
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else 1
        return st.tuples(st.just("term"), st.just(field), st.just(said(number)), st.booleans())
    where = st.sampled_from([field, field, None]) if field in TEXTS else st.just(field)
    return st.tuples(st.just("term"), where, cased(said(value)), st.booleans())


def cased(text: str) -> st.SearchStrategy[str]:
    """Mostly as it is."""
    return st.sampled_from([text, text, text, text.swapcase()])


def dates(value: Any) -> st.SearchStrategy[str]:
    """A moment, or the beginning of its text where a period begins."""
    text = value if isinstance(value, str) and value[:2] == "20" and len(value) == 24 else render(START)
    return st.sampled_from([text, *(text[:length] for length in (4, 7, 10, 13, 16, 19, 23))])


@st.composite
def _wilds(draw: st.DrawFn, pair: tuple[str, Any]) -> Query:
    field, value = pair
    if field in (*FLAGS, *INSTANTS, *NUMBERS):
        return ("exists", field)
    text = draw(cased(said(value))).replace("\n", "")
    if len(text) < 3 or draw(st.booleans()):
        return ("wild", field, (text[: draw(st.integers(1, 3))] or "a", ""))
    start = draw(st.integers(0, len(text) - 3))
    literal = text[start : start + 3]
    parts = draw(
        st.sampled_from([("", literal, ""), ("", literal), (literal, literal), (literal, "", literal)])
    )
    where = draw(st.sampled_from([field, None])) if field in TEXTS else field
    return (
        "wild",
        where,
        tuple(part for place, part in enumerate(parts) if part or place in (0, len(parts) - 1)),
    )


@st.composite
def _ranges(draw: st.DrawFn, pairs: tuple[tuple[str, Any], tuple[str, Any]]) -> Query:
    (field, one), (_, other) = pairs
    if field in FLAGS:
        return ("exists", field)
    texts = [_bound_text(draw, field, value) for value in (one, other)]
    bounds = [
        draw(st.sampled_from([None, (text, draw(st.booleans()), draw(st.booleans()))])) for text in texts
    ]
    if bounds == [None, None]:
        return ("exists", field)
    return ("range", field, *bounds)


def _bound_text(draw: st.DrawFn, field: str, value: Any) -> str:
    if field in INSTANTS:
        return draw(dates(value))
    if field in NUMBERS:
        return said(value) if as_number(said(value)) is not None else "3"
    text = said(value)
    return "x" if text == "*" else text
