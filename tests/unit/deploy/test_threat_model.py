"""The threat model points to tests that exist."""

import re

from tests.support.repository import ROOT

NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "deploy/THREATS.md").read_text("utf-8"))


def test_every_named_test_exists() -> None:
    """Each statement about what an attacker cannot do names a test that is in the suite."""
    assert len(NAMED) > 20
    for file, test in NAMED:
        text = (ROOT / file).read_text("utf-8")
        assert not test or f"def {test}(" in text, f"{file}::{test}"
