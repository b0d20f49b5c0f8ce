"""Decides whether a login may proceed. Pure: the settings and the time are arguments."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from projections.login_guard.addresses import Address, counting, is_exhausted
from projections.login_guard.attempts import IdentifierKey, Tally
from projections.login_guard.protection import BruteForce, SuspiciousIp


class IdentifierFailures(NamedTuple):
    """Failures of one subject with one identifier at one connection."""

    key: IdentifierKey
    total: Tally
    ips: dict[str, Tally]


@dataclass(frozen=True, slots=True)
class Block:
    """A blocked identifier. `ip` is the only address that is blocked; None means all."""

    key: IdentifierKey
    ip: str | None = None


@dataclass(frozen=True, slots=True)
class Ban:
    """A reason to refuse a login. `reason` is the code with which a gateway reports the refused login."""

    reason: str
    description: str


USER_BLOCKED: Final = Ban("unauthorized", "user is blocked")
TOO_MANY_ATTEMPTS: Final = Ban(
    "too_many_attempts", "Your account has been blocked after multiple consecutive login attempts."
)
SUSPICIOUS_IP: Final = Ban(
    "suspicious_ip", "Too many failed logins came from this IP address. Further attempts are blocked for now."
)


@dataclass(frozen=True, slots=True)
class Facts:
    """The known facts about a person who logs in from an address."""

    ip: str
    blocked: bool = False
    rows: Sequence[IdentifierFailures] = ()
    addresses: Sequence[Address] = ()


@dataclass(frozen=True, slots=True)
class LoginVerdict:
    """Whether a login is refused: `ban` is why, None for a login that may go on; `monitored` are the reasons
    whose shields only monitor."""

    ban: Ban | None = None
    monitored: tuple[Ban, ...] = ()


def judge(facts: Facts, brute_force: BruteForce, suspicious_ip: SuspiciousIp, now: int) -> LoginVerdict:
    """Return the verdict on a login. An administrator's block has precedence, then the identifier's, then the
    address's."""
    bans: list[Ban] = [USER_BLOCKED] if facts.blocked else []
    monitored: list[Ban] = []
    if brute_force.shield.applies_to(facts.ip) and _is_forced(facts, brute_force, now):
        (bans if brute_force.shield.blocks else monitored).append(TOO_MANY_ATTEMPTS)
    if suspicious_ip.shield.applies_to(facts.ip) and is_suspicious(facts.addresses, suspicious_ip, now):
        (bans if suspicious_ip.shield.blocks else monitored).append(SUSPICIOUS_IP)
    return LoginVerdict(bans[0] if bans else None, tuple(monitored))


def _is_forced(facts: Facts, protection: BruteForce, now: int) -> bool:
    return any(block.ip in (None, facts.ip) for block in blocks(facts.rows, protection, now))


def blocks(rows: Iterable[IdentifierFailures], protection: BruteForce, now: int) -> Iterator[Block]:
    """Yield the blocks at `now`, sorted. Failures of different subjects with one identifier add up. The
    caller applies shields and allowlists."""
    for key, same in groupby(sorted(rows, key=_key), key=_key):
        found = list(same)
        if not protection.by_ip:
            if _failures((row.total for row in found), now) >= protection.max_attempts:
                yield Block(key)
            continue
        for ip in sorted({ip for row in found for ip in row.ips}):
            tallies = (row.ips[ip] for row in found if ip in row.ips)
            if _failures(tallies, now) >= protection.max_attempts:
                yield Block(key, ip)


def is_suspicious(addresses: Iterable[Address], protection: SuspiciousIp, now: int) -> bool:
    """Whether an address has used up its attempts."""
    return is_exhausted(counting(addresses), protection.max_attempts, protection.rate_ms, now)


def _key(row: IdentifierFailures) -> IdentifierKey:
    return row.key


def _failures(tallies: Iterable[Tally], now: int) -> int:
    return sum(tally.failures for tally in tallies if not tally.expired(now))
