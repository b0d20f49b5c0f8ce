"""What one provider knows about a person at the moment of one login."""

from dataclasses import dataclass

from services.demo.connections import Connection
from services.demo.dice import Dice
from services.demo.people import ORNAMENTS, Person


@dataclass(frozen=True, slots=True)
class Face:
    """The facts a payload is made of. `at` is the login's time in seconds since 1970."""

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
        """`de-DE`; languages that already name a region stay as they are."""
        return self.language if "-" in self.language else f"{self.language}-{self.country}"

    def picture(self, host: str, suffix: str = ".jpg") -> str:
        """An image address under a host that never resolves; it changes when the person changes the photo."""
        return f"https://{host}.example/{self.dice.hexes(f'photo {self.photo}', 24)}{suffix}"


def face(person: Person, connection: Connection, *, later: bool, first_time: bool, at: int) -> Face:
    """The person as this provider describes them; `later` shows a changed name and picture, if any."""
    family = person.later_family if later else person.family
    name = person.culture.full_name(person.given.written, family.written)
    if connection.domain is None and person.dice.chance("ornament", 4):
        name = f"{name} {person.dice.pick('which ornament', ORNAMENTS)}"
    return Face(
        dice=Dice(f"{person.dice.key}/{connection.name}"),
        given=person.given.written,
        family=family.written,
        name=name,
        latin=" ".join(part.latin.title() for part in (person.given, family) if part.latin),
        email=person.email_at(connection),
        phone=person.phone,
        handle=person.handle,
        language=person.culture.language,
        country=person.culture.country,
        photo=2 if later and person.dice.chance("new photo", 25) else 1,
        first_time=first_time,
        at=at,
        domain=connection.domain or "example.com",
    )
