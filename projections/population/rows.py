"""Changes of the number of users. They add up to one total for any split of the log."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from projections.applied import Applied


class PopulationKey(NamedTuple):
    """The key of a row of `population`. It includes the partition, so that a row is written by one projector
    only."""

    tenant: str
    partition: int


def differences(run: Iterable[Applied]) -> dict[PopulationKey, int]:
    """Return the change of the number of users by applied events, by row."""
    found: Counter[PopulationKey] = Counter()
    for one in run:
        if one.before is not None and one.after is not None:
            more = (one.after.document is not None) - (one.before.document is not None)
            found[PopulationKey(one.event.tenant, one.logged.position.partition)] += more
    return {key: more for key, more in found.items() if more}
