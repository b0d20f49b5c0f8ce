"""Why records are quarantined, in words."""

from typing import get_args

from schemas.dead_letter_reasons import SENTENCES
from schemas.errors import DeadLetterReason


def test_every_reason_has_a_sentence() -> None:
    """One each, and nothing else is in the table."""
    assert tuple(SENTENCES) == get_args(DeadLetterReason)
    assert len(set(SENTENCES.values())) == len(SENTENCES)
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in SENTENCES.values())
