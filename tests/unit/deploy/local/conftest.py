"""What several files of this folder use."""

from pathlib import Path

import pytest

from deploy.local.stack import LocalStack


@pytest.fixture
def local(tmp_path: Path) -> LocalStack:
    """A stack that was never started."""
    stack = LocalStack(tmp_path / "state")
    stack.state.create()
    return stack
