"""Logs are events with stable names: JSON in production, readable on a console. Personal data never enters
them."""

import logging
import sys
import traceback
from typing import Literal

import structlog

from services.runtime.fairness.current_request import add_request


def configure(log_format: Literal["console", "json"]) -> None:
    """One set-up for the process, the standard library's loggers included."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    final: list[structlog.typing.Processor] = (
        [_where, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [_where, _as_lines, structlog.dev.ConsoleRenderer()]
    )
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_foreign(final))
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _where(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An exception as its types and places: messages of drivers and validators quote the data they choke
    on."""
    error = event.pop("exc_info", None)
    error = sys.exc_info()[1] if error is True else error[1] if isinstance(error, tuple) else error
    chain = []
    while isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        chain.append(
            {"type": type(error).__name__, "at": [f"{f.filename}:{f.lineno} {f.name}" for f in frames]}
        )
        error = error.__cause__
    return {**event, "exception": chain} if chain else event


def _as_lines(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The console's renderer wants an exception as text."""
    chain = event.get("exception", ())
    lines = [line for link in chain for line in (link["type"], *(f"  at {place}" for place in link["at"]))]
    return {**event, "exception": "\n".join(lines)} if lines else event


def _foreign(final: list[structlog.typing.Processor]) -> list[structlog.typing.Processor]:
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final]
