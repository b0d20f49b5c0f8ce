"""The raw logins of a population: first and repeated logins, failures, and logins of unknown users."""

import heapq
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from schemas.formats import instants
from schemas.logins.raw_login import EVENT_TYPE
from services.demo import golden
from services.demo.connections import DATABASE, DemoConnection
from services.demo.dice import Dice
from services.demo.members import DemoMember
from services.demo.population import DENIED, MISTYPED, Population, Visit, payload, visits

SOURCES: Final = ("/gateways/demo/eu-west", "/gateways/demo/us-east")
CLIENTS: Final = ("web-shop", "mobile-app", "partner-portal", "back-office")
USER_AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "ShopApp/7.3.1 (Android 15; samsung SM-S938B) okhttp/5.1.0",
)


def logins(population: Population, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield all raw logins of the period that ends at `now`, oldest first.

    Event ids depend only on the seed, so that publishing the same population again adds nothing.
    """
    now_ms = int(now.timestamp() * 1000)
    planned = sorted(visit for member in population.members() for visit in visits(population, member, now_ms))
    members = ((visit.at_ms, _member_login(population, visit)) for visit in planned)
    everyone = heapq.merge(
        members, _strangers(population, now_ms), _golden(population, now_ms), key=lambda pair: pair[0]
    )
    return (event for _, event in everyone)


def envelope(tenant: str, source: str, event_id: str, at_ms: int, data: dict[str, Any]) -> dict[str, Any]:
    """Return the CloudEvent of a login."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": EVENT_TYPE,
        "time": instants.render(instants.from_milliseconds(at_ms)),
        "tenant": tenant,
        "datacontenttype": "application/json",
        "data": data,
    }


def login_data(member: DemoMember, visit: Visit) -> dict[str, Any]:
    """Return what the gateway reports about one visit."""
    connection, dice = member.connections[visit.home], Dice(f"{member.dice.key}/visit {visit.number}")
    data: dict[str, Any] = {
        "connection": connection.name,
        "strategy": connection.strategy,
        "outcome": "failure" if visit.failure else "success",
        "claims": _claims(member, connection, visit),
        "client_id": dice.pick("client", CLIENTS),
        "ip": _address(dice),
        "user_agent": dice.pick("agent", USER_AGENTS),
        "session_id": dice.hexes("session", 32),
        "protocol": connection.protocol,
    }
    if visit.failure:
        data |= {"reason": visit.failure, "identifier": _identifier(member, connection)}
    elif connection.protocol == "oidc-basic-profile" and dice.chance("tokens", 12):
        data["tokens"] = _tokens(dice)
    if dice.chance("extras", 10):
        data["gateway"] = {"version": "2.4.1", "region": "eu-west", "latency_ms": dice.number("latency", 900)}
    return data


def _member_login(population: Population, visit: Visit) -> dict[str, Any]:
    member = population.member(visit.who)
    event_id = f"{population.seed}-{visit.who}-{visit.number}"
    source = SOURCES[visit.who % len(SOURCES)]
    return envelope(population.tenant, source, event_id, visit.at_ms, login_data(member, visit))


def _claims(member: DemoMember, connection: DemoConnection, visit: Visit) -> dict[str, Any]:
    if visit.failure in (MISTYPED, DENIED):
        return {}
    return payload(member, connection, later=visit.later, first_time=visit.first_time, at=visit.at_ms // 1000)


def _identifier(member: DemoMember, connection: DemoConnection) -> str:
    if connection.strategy == "sms":
        return member.phone
    return member.email_at(connection) or member.handle[:15].replace("-", "_")


def _strangers(population: Population, now_ms: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield failed logins with identifiers that name no user."""
    period = population.days * 86_400_000
    count = population.size // 25
    for number in range(count):
        dice = Dice(f"{population.seed}/stranger {number}")
        at_ms = now_ms - period + period * number // count
        data = {
            "connection": DATABASE.name,
            "strategy": DATABASE.strategy,
            "outcome": "failure",
            "reason": "invalid_user",
            "claims": {},
            "identifier": f"nobody{dice.digits('name', 6)}@example.net",
            "client_id": dice.pick("client", CLIENTS),
            "ip": _address(dice),
            "user_agent": "python-requests/2.32.4",
            "protocol": DATABASE.protocol,
        }
        yield (
            at_ms,
            envelope(population.tenant, SOURCES[0], f"{population.seed}-stranger-{number}", at_ms, data),
        )


def _golden(population: Population, now_ms: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for at_ms, event_id, data in golden.logins(now_ms):
        yield at_ms, envelope(population.tenant, golden.SOURCE, event_id, at_ms, data)


def _address(dice: Dice) -> str:
    if dice.chance("ipv6", 20):
        return f"2001:db8:{dice.hexes('network', 4)}::{1 + dice.number('host', 65_000):x}"
    return f"{dice.pick('network', ('192.0.2', '198.51.100', '203.0.113'))}.{1 + dice.number('host', 254)}"


def _tokens(dice: Dice) -> dict[str, Any]:
    return {
        "access_token": f"demo-access-{dice.hexes('access', 40)}",
        "refresh_token": f"demo-refresh-{dice.hexes('refresh', 40)}",
        "expires_in": 3600,
        "token_type": "Bearer",
    }
