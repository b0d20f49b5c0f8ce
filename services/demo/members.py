"""The users of the demo, independent of any provider: names in many scripts, e-mail addresses, phone,
connections."""

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any, Final, NamedTuple

from services.demo import connections
from services.demo.connections import DemoConnection
from services.demo.dice import Dice

MAIL_DOMAINS: Final = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org")
ORNAMENTS: Final = ("✨", "🦊", "🎧", "👩🏽‍🚀", "🇧🇷")


class Name(NamedTuple):
    """A name as it is written, and in plain Latin letters for e-mail addresses."""

    written: str
    latin: str


@dataclass(frozen=True, slots=True)
class Culture:
    """How names are formed and ordered in a culture."""

    language: str
    country: str
    family_first: bool
    joiner: str
    given: tuple[Name, ...]
    family: tuple[Name, ...]

    def full_name(self, given: str, family: str) -> str:
        """Return both names in the culture's order."""
        parts = (family, given) if self.family_first else (given, family)
        return self.joiner.join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMember:
    """A member of the population."""

    index: int
    dice: Dice
    culture: Culture
    given: Name
    family: Name
    later_family: Name
    emails: tuple[str, ...]
    phone: str
    connections: tuple[DemoConnection, ...]

    @property
    def handle(self) -> str:
        """A username that no other member has."""
        return f"{self.given.latin}-{self.family.latin[:12]}{self.index}".strip("-")

    def email_at(self, connection: DemoConnection) -> str | None:
        """Return the e-mail address that this connection knows: a company's, or the first or second
        private one."""
        if connection.domain is not None:
            return f"{self.given.latin}.{self.family.latin}{self.index}@{connection.domain}"
        if connection.strategy == "email" and not self.emails:
            return f"{self.handle}@example.com"
        if not self.emails:
            return None
        return self.emails[-1] if connection is not self.connections[0] else self.emails[0]


def member(seed: int, index: int) -> DemoMember:
    """Return the member with this number; it depends only on seed and number."""
    dice = Dice(f"{seed}/{index}")
    first = connections.first_connection(dice, index)
    other = connections.second_connection(dice, first)
    culture = _culture(dice, first)
    given, family = dice.pick("given", culture.given), dice.pick("family", culture.family)
    if dice.chance("one name only", 2):
        family = Name("", "")
    return DemoMember(
        index=index,
        dice=dice,
        culture=culture,
        given=given,
        family=family,
        later_family=_other_family(dice, culture, family),
        emails=_emails(dice, index, given, family),
        phone=phone(index),
        connections=(first,) if other is None else (first, other),
    )


def phone(index: int) -> str:
    """Return a phone number from the range reserved for fiction (+1 NPA 555 01xx), unique for 80,000
    members."""
    return f"+1{200 + index // 100 % 800}5550{100 + index % 100}"


@cache
def cultures() -> tuple[Culture, ...]:
    """Return all cultures of `names.json`. The result is cached."""
    return tuple(_read_culture(entry) for entry in _entries())


@cache
def _entries() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads((files("services.demo") / "names.json").read_text(encoding="utf-8")))


def _read_culture(entry: dict[str, Any]) -> Culture:
    return Culture(
        language=entry["language"],
        country=entry["country"],
        family_first=entry["order"] == "family",
        joiner=entry["joiner"],
        given=tuple(map(_read_name, entry["given"])),
        family=tuple(map(_read_name, entry["family"])),
    )


def _read_name(text: str) -> Name:
    written, _, latin = text.partition("=")
    return Name(written, latin or written.lower())


@cache
def _choices(languages: tuple[str, ...]) -> tuple[Sequence[Culture], Sequence[int]]:
    wanted = [entry for entry in _entries() if not languages or entry["language"] in languages]
    chosen = tuple(culture for culture in cultures() if not languages or culture.language in languages)
    return chosen, tuple(accumulate(entry["weight"] for entry in wanted))


def _culture(dice: Dice, connection: DemoConnection) -> Culture:
    choices, bounds = _choices(connection.languages)
    return choices[bisect_right(bounds, dice.number("culture", bounds[-1]))]


def _other_family(dice: Dice, culture: Culture, family: Name) -> Name:
    if not dice.chance("renamed", 9) or not family.written:
        return family
    return culture.family[(culture.family.index(family) + 1) % len(culture.family)]


def _emails(dice: Dice, index: int, given: Name, family: Name) -> tuple[str, ...]:
    roll = dice.number("how many addresses", 100)
    if roll < 9:
        return ()
    local = f"{given.latin}.{family.latin}" if family.latin else given.latin
    first = f"{local}{index}@{dice.pick('mail domain', MAIL_DOMAINS)}"
    return (first, f"{family.latin or 'me'}.{index}@work.example.com") if roll >= 85 else (first,)
