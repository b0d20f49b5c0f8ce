"""The changes that `make mutants` tries."""

from pathlib import Path

import pytest

from tests.mutants.changes import changes_of, modules

PATH = Path("module.py")


def lines_of(*sources: str) -> set[str]:
    """Every changed line, over several draws of which change a place gets."""
    source = "\n".join(sources) + "\n"
    return {change.after for seed in range(8) for change in changes_of({PATH: source}, seed)}


@pytest.mark.parametrize(
    ("line", "others"),
    [
        ("LIMIT = 30 * DAY", {"LIMIT = 31 * DAY", "LIMIT = 30 / DAY"}),
        ("refused = a or b", {"refused = a and b"}),
        ("late = now - last > LIMIT", {"late = now - last >= LIMIT", "late = now + last > LIMIT"}),
        (
            "kept = one if known else other",
            {"kept = one if (known) and False else other", "kept = one if (known) or True else other"},
        ),
        ('merged = {**old, "a": 1}', {'merged = {"a": 1, **old}', 'merged = {**old, "a": 2}'}),
        ("kept = [one for one in all if one]", {"kept = [one for one in all if not (one)]"}),
    ],
)
def test_a_decision_is_changed_in_one_place(line: str, others: set[str]) -> None:
    """The changed decision is well-formed and differs in one place."""
    assert lines_of(line) == others


def test_of_two_merged_states_the_other_wins() -> None:
    """Within functions; elsewhere such an expression is a type."""
    assert lines_of("def merge(old, new):", "    return old | new") == {
        "return (new) | (old)",
        "return old & new",
    }
    assert lines_of("State = Old | New") == set()


@pytest.mark.parametrize(
    "line",
    [
        '"""Why."""',
        "from a import b",
        "def give(name: str | None) -> int | None: ...",
        "assert known is not None",
        "@dataclass(frozen=True)\nclass A: ...",
        "told = isinstance(one, A | B)",
        'name = "a"',
        "found = look(up, 'name')",
    ],
)
def test_what_decides_nothing_is_left_alone(line: str) -> None:
    """Types, decorators, imports, texts and arguments."""
    assert lines_of(line) == set()


def test_a_seed_draws_the_same_changes() -> None:
    """Equal code and seed give equal changes."""
    sources = {PATH: "a = 1 + 2\nb = 3 < 4\nc = not d\n"}
    assert list(changes_of(sources, 5)) == list(changes_of(sources, 5))
    assert {change.lines for change in changes_of(sources, 5)} == {range(1, 2), range(2, 3), range(3, 4)}


def test_the_modules_that_decide_are_found() -> None:
    """A pattern that finds nothing any more would leave its modules out."""
    paths = {str(path) for path in modules()}
    assert "schemas/sealing/mapper.py" in paths
    assert {path.split("/")[0] for path in paths} == {"projections", "services", "schemas"}
