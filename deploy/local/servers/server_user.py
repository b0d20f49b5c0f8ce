"""The user as whom PostgreSQL runs when the command runs as root, since PostgreSQL refuses to run as root.

The server needs the files of the checkout, of the state folder and of their parents, whatever their
modes. Changing the user alone is not enough, because a folder of mode 700 stops that user. Of the ways
below, the first one that works on this machine is used.
"""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deploy.local.failure import StackFailure

UNPRIVILEGED_USER = "nobody"
PROBE_TIMEOUT_S = 60
_REACHES = "import os, sys; sys.exit(not os.access(sys.argv[1], os.X_OK))"


@dataclass(frozen=True)
class ServerUser:
    """Who runs the server: the prefix of its command line, and the owner of its data."""

    prefix: tuple[str, ...]
    uid: int
    gid: int


@cache
def server_user(program: Path) -> ServerUser:
    """Return the user that can run the program at its place. Raises StackFailure when there is none."""
    if os.geteuid() != 0:
        return _ordinary_user(os.geteuid())
    for candidate in _candidates():
        if _reaches(candidate, program):
            return candidate
    raise StackFailure(
        f"PostgreSQL does not run as root, and no other user can be given access to {program}"
        " (tried: setpriv with the capability CAP_DAC_OVERRIDE, unshare with a user namespace)",
        "install util-linux, run as an ordinary user, or name a server in VITA_POSTGRES_ADMIN_URL",
    )


def _ordinary_user(uid: int) -> ServerUser:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise StackFailure(
            f"PostgreSQL does not run as the user {uid}, who has no name on this machine",
            "add the user to /etc/passwd, or name a server in VITA_POSTGRES_ADMIN_URL",
        ) from None
    return ServerUser((), uid, os.getegid())


def give_to_server(data: Path, user: ServerUser) -> None:
    """Make the user the owner of the data folder and of everything in it."""
    if os.geteuid() != 0 or data.stat().st_uid == user.uid:
        return
    for folder, _, files in os.walk(data, topdown=False):
        for name in files:
            os.chown(Path(folder, name), user.uid, user.gid, follow_symlinks=False)
        os.chown(folder, user.uid, user.gid)


def _candidates() -> Iterator[ServerUser]:
    unprivileged = pwd.getpwnam(UNPRIVILEGED_USER)
    uid, gid = unprivileged.pw_uid, unprivileged.pw_gid
    if (setpriv := shutil.which("setpriv")) is not None:
        yield ServerUser((setpriv, *_only_reach_files(uid, gid)), uid, gid)
    if (unshare := shutil.which("unshare")) is not None:
        yield ServerUser((unshare, "--user", f"--map-user={uid}", f"--map-group={gid}", "--"), 0, 0)


def _only_reach_files(uid: int, gid: int) -> tuple[str, ...]:
    """Return arguments of setpriv: another user with the one capability to bypass file modes.

    Without `no_setuid_fixup`, the kernel ignores that capability in access(2), which PostgreSQL calls for
    its own programs.
    """
    only = "-all,+dac_override"
    user = (f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--securebits=+no_setuid_fixup")
    return (*user, f"--bounding-set={only}", f"--inh-caps={only}", f"--ambient-caps={only}", "--")


def _reaches(candidate: ServerUser, program: Path) -> bool:
    argv = [*candidate.prefix, sys.executable, "-I", "-S", "-c", _REACHES, str(program)]
    try:
        result = subprocess.run(argv, capture_output=True, check=False, timeout=PROBE_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0
