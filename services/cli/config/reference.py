"""The variables that services read, collected from their settings models."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from services.auditor.consumer import Settings as AuditorSettings
from services.ingest.settings import Settings as IngestSettings
from services.management.settings import Settings as ManagementSettings
from services.normalizer.consumer import Settings as NormalizerSettings
from services.projector.consumer import Settings as ProjectorSettings

PREFIX: Final = "VITA_"
MASK: Final = "*****"
SERVICES: Final[Mapping[str, type[BaseSettings]]] = {
    "ingest": IngestSettings,
    "normalizer": NormalizerSettings,
    "projector": ProjectorSettings,
    "auditor": AuditorSettings,
    "management": ManagementSettings,
}
_ALL: Final = "all"
_REQUIRED: Final = "required"
_HEAD: Final = ("variable", "services", "default", "meaning")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: which services read it, its defaults and its meaning."""

    name: str
    services: tuple[str, ...]
    defaults: Mapping[str, str]
    """Default by service: `required` if the variable must be set, empty if there is no default."""
    meaning: str
    is_secret: bool

    @property
    def default(self) -> str:
        """The default as one text; where services differ, each default with its services."""
        found = list(dict.fromkeys(self.defaults.values()))
        if len(found) == 1:
            return found[0]
        return ", ".join(
            f"{text or 'none'} ({', '.join(name for name in self.services if self.defaults[name] == text)})"
            for text in found
        )

    @property
    def readers(self) -> str:
        """The services that read the variable as one text."""
        return _ALL if len(self.services) == len(SERVICES) else ", ".join(self.services)

    def value(self, environment: Mapping[str, str]) -> str | None:
        """Return the variable's value, masked if it is secret, or None if it is not set."""
        given = environment.get(self.name)
        return MASK if given and self.is_secret else given or None


def variables() -> list[Variable]:
    """Return all variables, those that most services read first, then by name."""
    fields: dict[str, dict[str, FieldInfo]] = {}
    for service, model in SERVICES.items():
        for name, field in model.model_fields.items():
            fields.setdefault(name, {})[service] = field
    found = [_variable(name, by_service) for name, by_service in fields.items()]
    return sorted(found, key=lambda one: (-len(one.services), one.services, one.name))


def as_documents(environment: Mapping[str, str] = os.environ) -> list[dict[str, Any]]:
    """Return the variables as JSON values, each with its value in `environment`."""
    return [
        {
            "name": one.name,
            "services": list(one.services),
            "defaults": dict(one.defaults),
            "meaning": one.meaning,
            "secret": one.is_secret,
            "value": one.value(environment),
        }
        for one in variables()
    ]


def as_rows(environment: Mapping[str, str] = os.environ) -> Iterator[Sequence[str | None]]:
    """Return the variables as table rows, each with its value in `environment` in the last cell."""
    return ((*_cells(one), one.value(environment)) for one in variables())


def as_markdown() -> str:
    """Return the table of deploy/README.md, which contains no values of the environment."""
    lines = [_line(_HEAD), "|---|---|---|---|"]
    for one in variables():
        name, readers, default, meaning = _cells(one)
        formatted = f"`{default}`" if default and set(one.defaults.values()) == {default} else default
        lines.append(_line((f"`{name}`", readers, _REQUIRED if default == _REQUIRED else formatted, meaning)))
    return "\n".join(lines)


def _variable(name: str, by_service: Mapping[str, FieldInfo]) -> Variable:
    meanings = dict.fromkeys(field.description or "" for field in by_service.values())
    return Variable(
        PREFIX + name.upper(),
        tuple(by_service),
        {service: _default(field) for service, field in by_service.items()},
        " ".join(meanings),
        any(_holds_secret(field.annotation) for field in by_service.values()),
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return _REQUIRED
    match field.default:
        case None | ():
            return ""
        case float() as seconds:
            return f"{seconds:g}"
        case other:
            return str(other)


def _holds_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(map(_holds_secret, get_args(annotation)))


def _cells(one: Variable) -> tuple[str, str, str, str]:
    return one.name, one.readers, one.default, one.meaning


def _line(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |".replace("|  |", "| |")
