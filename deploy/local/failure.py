"""The error of the local stack: what went wrong and what to do next."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

Result = TypeVar("Result")
Other = TypeVar("Other")

TAIL_LINES = 15


class StackFailure(Exception):
    """Its text is shown to the user. `advice` is the next step to take."""

    def __init__(self, problem: str, advice: str, log: Path | None = None) -> None:
        self.problem = problem
        self.advice = advice
        self.log = log
        super().__init__(self._text())

    def _text(self) -> str:
        lines = [self.problem]
        if self.log is not None:
            lines += [f"The last lines of {self.log}:", *(f"    {line}" for line in tail(self.log))]
        return "\n".join([*lines, f"What to do: {self.advice}"])


class SeveralFailures(StackFailure):
    """Failures that happened at the same time, each with its advice."""

    def __init__(self, failures: Sequence[StackFailure]) -> None:
        self.failures = failures
        super().__init__(failures[0].problem, failures[0].advice)

    def _text(self) -> str:
        return "\n".join(str(failure) for failure in self.failures)


@overload
async def together(
    first: Coroutine[Any, Any, Result], second: Coroutine[Any, Any, Other], /
) -> tuple[Result, Other]: ...


@overload
async def together(*coroutines: Coroutine[Any, Any, Any]) -> tuple[Any, ...]: ...


async def together(*coroutines: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """Run all coroutines to their ends concurrently, and return their results in order.

    Raises the only StackFailure, or SeveralFailures, never a group. An error of another kind takes
    precedence, as it is a bug. If the caller is cancelled, all coroutines are.
    """
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, StackFailure):
            raise error
    _raise_any([error for error in errors if isinstance(error, StackFailure)])
    return tuple(results)


def check_all(*checks: Callable[[], object]) -> None:
    """Run all checks and report every failure at once. Raises StackFailure or SeveralFailures."""
    failures = []
    for check in checks:
        try:
            check()
        except StackFailure as failure:
            failures.append(failure)
    _raise_any(failures)


def _raise_any(failures: Sequence[StackFailure]) -> None:
    if failures:
        raise failures[0] if len(failures) == 1 else SeveralFailures(failures)


def tail(log: Path, lines: int = TAIL_LINES) -> list[str]:
    """Return the last lines of a log file, or none if it does not exist."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 32_768))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
