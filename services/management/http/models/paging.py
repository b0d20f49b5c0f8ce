"""Pages of lists by offset (`page`, `per_page`) or by checkpoint (`from`, `take`), as in fact sheet §0.3, and
their schemas in the OpenAPI document."""

from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from services.management.http.models.fields import QueryBoolean, QueryInteger
from services.management.http.models.query import Query

Page = Annotated[QueryInteger, Field(ge=0)]
PerPage = Annotated[QueryInteger, Field(ge=1, le=100)]
Take = Annotated[QueryInteger, Field(ge=1, le=100)]


class OffsetPage(Query):
    """A page by number. Unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    page: Page = Field(0, description="Page index of the results to return. First page is 0.")
    per_page: PerPage = Field(50, description="Number of results per page.")
    include_totals: QueryBoolean = Field(
        False,
        description="Return results inside an object with the total count (true) or as an array (false).",
    )


class CheckpointPage(Query):
    """A page after a cursor. Unknown parameters are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    after: str | None = Field(None, alias="from", description="The cursor `next` of the previous page.")
    take: Take | None = Field(None, description="Number of results per page. Defaults to 50.")


class AnyPage(OffsetPage):
    """A page by number or after a cursor. `from` and `take` have precedence."""

    after: str | None = Field(None, alias="from", description="The cursor `next` of the previous page.")
    take: Take | None = Field(None, description="Number of results per page. Defaults to 50.")


@cache
def listed(item: type[BaseModel], key: str, *, offset: bool = True, checkpoint: bool = True) -> Any:
    """Return the type of a list response: an array or an object with totals if `offset`, an object with the
    next cursor if `checkpoint`."""
    shapes: list[Any] = [list[item], _page(item, key)] if offset else []  # type: ignore[valid-type]
    if checkpoint:
        shapes.append(_checkpoint(item, key))
    found: Any = shapes[0]
    for shape in shapes[1:]:
        found = found | shape
    return found


@cache
def _page(item: type[BaseModel], key: str) -> type[BaseModel]:
    parts: dict[str, Any] = {
        "start": (int, ...),
        "limit": (int, ...),
        "total": (int, ...),
        key: (list[item], ...),  # type: ignore[valid-type]
    }
    return create_model(f"{_name(item, key)}Page", **parts)


@cache
def _checkpoint(item: type[BaseModel], key: str) -> type[BaseModel]:
    parts: dict[str, Any] = {key: (list[item], ...), "next": (str | None, None)}  # type: ignore[valid-type]
    return create_model(f"{_name(item, key)}Checkpoint", **parts)


def _name(item: type[BaseModel], key: str) -> str:
    """Return a schema name that is unique among lists: `Users`, but `MemberUsers` for other items."""
    title = "".join(part.capitalize() for part in key.split("_"))
    return title if title.startswith(item.__name__) else f"{item.__name__}{title}"
