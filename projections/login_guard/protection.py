"""A tenant's settings of attack protection with their defaults, in the form that verdicts use."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from schemas.formats import exact_json

ProtectionId = Literal["brute-force-protection", "suspicious-ip-throttling", "breached-password-detection"]
DEFAULTS: Final[Mapping[ProtectionId, Mapping[str, Any]]] = {
    "brute-force-protection": {
        "enabled": True,
        "shields": ["block", "user_notification"],
        "mode": "count_per_identifier_and_ip",
        "allowlist": [],
        "max_attempts": 10,
    },
    "suspicious-ip-throttling": {
        "enabled": True,
        "shields": ["admin_notification", "block"],
        "allowlist": [],
        "stage": {
            "pre-login": {"max_attempts": 100, "rate": 864_000},
            "pre-user-registration": {"max_attempts": 50, "rate": 1_728_000},
        },
    },
    "breached-password-detection": {
        "enabled": False,
        "shields": [],
        "admin_notification_frequency": [],
        "method": "standard",
        "stage": {"pre-user-registration": {"shields": []}, "pre-change-password": {"shields": []}},
    },
}
"""The settings of a tenant that has set none."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Shield:
    """Whether a protection is enabled, whether it blocks or only monitors, and which networks it exempts."""

    enabled: bool
    blocks: bool
    trusted: tuple[Network, ...]

    def applies_to(self, ip: str | None) -> bool:
        """Whether the protection applies to logins from this IP address; None if the address is unknown."""
        return self.enabled and not (ip is not None and self._trusts(ip))

    def _trusts(self, ip: str) -> bool:
        if not self.trusted:
            return False
        address = ipaddress.ip_address(ip)
        return any(address in network for network in self.trusted)


@dataclass(frozen=True, slots=True)
class BruteForce:
    """Brute-force protection. With `by_ip`, an identifier is blocked only for the IP address with the
    failures."""

    shield: Shield
    max_attempts: int
    by_ip: bool


@dataclass(frozen=True, slots=True)
class SuspiciousIp:
    """Throttling of IP addresses: `max_attempts` attempts, and one more every `rate_ms` milliseconds."""

    shield: Shield
    max_attempts: int
    rate_ms: int


@lru_cache(1024)
def brute_force(document: str | None) -> BruteForce:
    """Return the protection of a stored setting; the defaults if it is None."""
    settings = _settings("brute-force-protection", document)
    by_ip = settings["mode"] == "count_per_identifier_and_ip"
    return BruteForce(_shield(settings), settings["max_attempts"], by_ip)


@lru_cache(1024)
def suspicious_ip(document: str | None) -> SuspiciousIp:
    """Return the protection of a stored setting; the defaults if it is None."""
    settings = _settings("suspicious-ip-throttling", document)
    stage = settings["stage"]["pre-login"]
    return SuspiciousIp(_shield(settings), stage["max_attempts"], stage["rate"])


def network_of(text: str) -> Network:
    """Parse an entry of an allowlist, an address or a range. Raises ValueError."""
    return ipaddress.ip_network(text, strict=False)


def _settings(name: ProtectionId, document: str | None) -> Mapping[str, Any]:
    return {**DEFAULTS[name], **({} if document is None else exact_json.loads(document))}


def _shield(settings: Mapping[str, Any]) -> Shield:
    trusted = tuple(network_of(text) for text in settings["allowlist"])
    return Shield(settings["enabled"], "block" in settings["shields"], trusted)
