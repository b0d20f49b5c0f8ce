"""Query parameters that several groups of operations share."""

from pydantic import BaseModel, ConfigDict, Field

from services.management.http.models.fields import QueryBoolean


class Query(BaseModel):
    """Query parameters. A request with unknown parameters is rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Selected(Query):
    """Selects the root fields of the response."""

    fields: str | None = Field(
        None, description="Comma-separated list of fields to include or exclude (see include_fields)."
    )
    include_fields: QueryBoolean = Field(
        True, description="Whether specified fields are to be included (true) or excluded (false)."
    )
