"""The one error of the local stack: what went wrong and what to do next, in words for the terminal."""

from pathlib import Path

TAIL_LINES = 15


class StackFailure(Exception):
    """Shown to the user as it is; `advice` is the next step to take."""

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


def tail(log: Path, lines: int = TAIL_LINES) -> list[str]:
    """The last lines of a log file; of a file that is not there, none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 32_768))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
