"""A copy of this checkout with its own packages and downloads, in a folder that only its owner may enter."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers import artifacts
from tests.support.repository import ROOT

CODE = ("schemas", "projections", "services", "deploy", "pyproject.toml")
EVERYBODY_READS = 0o004


@dataclass(frozen=True)
class PrivateCheckout:
    """The folder of the copy and its user."""

    folder: Path
    user: int

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def python(self) -> Path:
        return self.folder / "python" / "bin" / "python"

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `python -m …` in the checkout, as its user, with a home, a cache and files that are private."""
        return subprocess.run(
            [str(self.python), "-m", *arguments],
            cwd=self.folder / "checkout",
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            umask=0o077,
            **(
                {}
                if self.user == os.geteuid()
                else {"user": self.user, "group": self.user, "extra_groups": ()}
            ),
        )

    def _environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("VITA_")}
        paths = (self.folder / "checkout", self.folder / "packages")
        return kept | {
            "PYTHONPATH": os.pathsep.join(str(path) for path in paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LD_LIBRARY_PATH": str(self.folder / "python" / "lib"),
            "HOME": str(self.folder / "home"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "TMPDIR": str(self.folder / "tmp"),
            "VITA_STACK_ROUTE": "local",
        }


def make_private_checkout(folder: Path, user: int) -> PrivateCheckout:
    """Fill the folder: world-readable files are linked, the others copied; nothing is downloaded twice."""
    for name in ("checkout", "cache/vita/jars", "home", "tmp"):
        (folder / name).mkdir(parents=True)
    for name in CODE:
        _copy(ROOT / name, folder / "checkout" / name)
    _copy(Path(sysconfig.get_path("purelib")), folder / "packages")
    _copy_python(folder / "python")
    jars = artifacts.fetch(artifacts.parse_lock(artifacts.KAFKA_LOCK.read_text()), artifacts.cache_folder())
    for jar in jars:
        _take(str(jar), str(folder / "cache" / "vita" / "jars" / jar.name))
    for path in (
        folder,
        *(found for found in folder.rglob("*") if found.is_dir() and not found.is_symlink()),
    ):
        path.chmod(0o700)
        os.chown(path, user, -1)
    return PrivateCheckout(folder, user)


def _copy_python(target: Path) -> None:
    """Copy the interpreter with its library, because the current one may be in a folder of another user."""
    (target / "bin").mkdir(parents=True)
    _take(os.path.realpath(sys.executable), str(target / "bin" / "python"))
    base = Path(sys.base_prefix)
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix})).relative_to(base)
    _copy(base / library, target / library, "test", "site-packages", "dist-packages", "config-*")
    for shared in (base / "lib").glob("libpython*"):
        _take(str(shared), str(target / "lib" / shared.name))


def _copy(source: Path, target: Path, *without: str) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns("__editable__*", "*.pth", *without)
        shutil.copytree(source, target, symlinks=True, copy_function=_take, ignore=ignored)
    else:
        _take(str(source), str(target))


def _take(source: str, target: str) -> str:
    """Link a file if its mode lets all users read it, which protects it from changes; otherwise copy it."""
    try:
        if os.stat(source).st_mode & EVERYBODY_READS:
            os.link(source, target, follow_symlinks=False)
            return target
    except OSError:
        pass
    shutil.copy2(source, target, follow_symlinks=False)
    if not os.path.islink(target):
        os.chmod(target, os.stat(target).st_mode | EVERYBODY_READS)
    return target
