"""The facts that a provider knows about a user at the time of a login."""

from dataclasses import dataclass

from services.demo.connections import DemoConnection
from services.demo.dice import Dice
from services.demo.members import ORNAMENTS, DemoMember


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """The facts from which claims are built. `at` is the time of the login in seconds since 1970."""

    dice: Dice
    given: str
    family: str
    name: str
    latin: str
    email: str | None
    phone: str
    handle: str
    language: str
    country: str
    photo: int
    first_time: bool
    at: int
    domain: str = "example.com"

    @property
    def locale(self) -> str:
        """The locale, for example `de-DE`; languages that name a region are unchanged."""
        return self.language if "-" in self.language else f"{self.language}-{self.country}"

    def picture(self, host: str, suffix: str = ".jpg") -> str:
        """Return an image URL under a host that never resolves. It changes when the user changes the
        photo."""
        return f"https://{host}.example/{self.dice.hexes(f'photo {self.photo}', 24)}{suffix}"


def face(member: DemoMember, connection: DemoConnection, *, later: bool, first_time: bool, at: int) -> Face:
    """Return the facts that this provider has of the user; `later` selects a changed name and picture, if
    any."""
    family = member.later_family if later else member.family
    name = member.culture.full_name(member.given.written, family.written)
    if connection.domain is None and member.dice.chance("ornament", 4):
        name = f"{name} {member.dice.pick('which ornament', ORNAMENTS)}"
    return Face(
        dice=Dice(f"{member.dice.key}/{connection.name}"),
        given=member.given.written,
        family=family.written,
        name=name,
        latin=" ".join(part.latin.title() for part in (member.given, family) if part.latin),
        email=member.email_at(connection),
        phone=member.phone,
        handle=member.handle,
        language=member.culture.language,
        country=member.culture.country,
        photo=2 if later and member.dice.chance("new photo", 25) else 1,
        first_time=first_time,
        at=at,
        domain=connection.domain or "example.com",
    )
