"""Failed logins and their rows: one per identifier a subject failed with, one per address and partition."""

from collections.abc import Iterable
from typing import Any

from projections.login_guard.addresses import Address
from projections.login_guard.attempts import Attempts, Guard, IdentifierKey, Tally
from projections.profile.state import Memory, dump_memory, load_memory
from projections.row import Row
from schemas.formats import exact_json

Subject = tuple[str, str]
"""(tenant, subject)"""
AddressKey = tuple[str, str, int]
"""(tenant, address, partition of the log)"""


def guards_of(rows: Iterable[Row]) -> dict[Subject, Guard]:
    """Return the failures in these rows, by subject."""
    found: dict[Subject, dict[IdentifierKey, Attempts]] = {}
    for row in rows:
        ips = {ip: Tally(*tally) for ip, tally in exact_json.loads(row["ips"]).items()}
        memory = Memory() if row["memory"] is None else load_memory(row["memory"])
        key = row["connection"], row["identifier"]
        attempts = Attempts(Tally(row["failures"], row["last_failed"]), ips, memory)
        found.setdefault((row["tenant"], row["subject"]), {})[key] = attempts
    return dict(found)


def guard_row(subject: Subject, key: IdentifierKey, attempts: Attempts) -> tuple[Any, ...]:
    """Return the columns of `write_guards`."""
    memory = None if attempts.memory == Memory() else dump_memory(attempts.memory).decode()
    ips = exact_json.dumps({ip: list(tally) for ip, tally in attempts.ips.items()})
    return *subject, *key, *attempts.total, ips.decode(), memory


def addresses_of(rows: Iterable[Row]) -> dict[AddressKey, Address]:
    """Return the states of addresses in these rows."""
    return {
        (row["tenant"], row["ip"], row["partition"]): Address(tuple(row["times"]), row["released_at"])
        for row in rows
    }


def address_row(key: AddressKey, address: Address) -> tuple[Any, ...]:
    """Return the columns of `write_addresses`; the times are one array literal."""
    return *key, "{" + ",".join(map(str, address.times)) + "}", address.released_at
