"""How many users exist, as differences: they add up to the same number however the log is cut."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from projections.applied import Applied


class PopulationKey(NamedTuple):
    """The key of a row of `population`. A partition has one owner, so that no row is written by two."""

    tenant: str
    partition: int


def differences(run: Iterable[Applied]) -> dict[PopulationKey, int]:
    """Return by how much applied events change the number of users of each row."""
    found: Counter[PopulationKey] = Counter()
    for one in run:
        if one.before is not None and one.after is not None:
            more = (one.after.document is not None) - (one.before.document is not None)
            found[PopulationKey(one.event.tenant, one.logged.position.partition)] += more
    return {key: more for key, more in found.items() if more}
