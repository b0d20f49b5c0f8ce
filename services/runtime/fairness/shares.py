"""Fair shares of what a process has little of, by tenant and by client."""

from schemas.errors import Transient


class OverShare(Transient):
    """A tenant or a client uses its whole share now; the same request will succeed later."""

    def __init__(self, what: str, retry_after_seconds: int = 1) -> None:
        super().__init__(f"over the share of {what}")
        self.retry_after_seconds = retry_after_seconds
