"""In how many parts a replay folds each partition. Pure."""

from typing import Final

SUBJECTS_PER_BUCKET: Final = 25_000
"""Subjects that a process folds at once: about 10 kB each, so 250 MB."""


def buckets_for(subjects: int, partitions: int) -> int:
    """Return in how many parts each partition is folded, so that each part has at most SUBJECTS_PER_BUCKET
    subjects."""
    return max(1, -(-subjects // (SUBJECTS_PER_BUCKET * max(1, partitions))))
