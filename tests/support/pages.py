"""Pages as a browser sees them."""

import asyncio
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support.patience import soon

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS: Final = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    # milliseconds on the clock of the page, which stands still while a request is under way
    "--virtual-time-budget=30000",
    "--dump-dom",
)


def loaded_by(page: str) -> list[str]:
    """Return the addresses that a page names, without those that contain their data."""
    return [name for name in re.findall(r'(?:src|href)="([^"]+)"', page) if not name.startswith("data:")]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page after its scripts have run."""

    dom: str
    log: str
    """What the browser logged, messages of the page's console included."""


async def render(url: str, profile: Path) -> Rendered:
    """Return what Chromium makes of a page; it reaches 127.0.0.1 only. Without Chromium, the test is skipped.

    `profile` is an empty folder.
    """
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    if browser is None:
        pytest.skip("Chromium is not installed here")
    # Chromium's sandbox does not start for root.
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    process = await asyncio.create_subprocess_exec(
        browser, *_FLAGS, *sandbox, f"--user-data-dir={profile}", url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        dom, log = await soon(process.communicate())
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0, log.decode()
    return Rendered(dom.decode(), log.decode())
