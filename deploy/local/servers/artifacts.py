"""Java artifacts: a lock file with hashes, a per-user cache, and downloads that can be interrupted."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jgo
from jgo.maven import MavenContext, PythonResolver

from deploy.local.failure import StackFailure

KAFKA_ENDPOINT = "org.apache.kafka:kafka_2.13:4.3.1+org.slf4j:slf4j-simple:1.7.36"
KAFKA_LOCK = Path(__file__).with_name("kafka.lock")
DOWNLOADS_AT_ONCE = 4
TIMEOUT_S = 60
CHUNK_BYTES = 8192
"""How many bytes jgo downloads between two reports."""

Progress = Callable[[int, int], None]
"""Called with (bytes so far, total bytes). An exception that it raises ends the download."""


@dataclass(frozen=True)
class Artifact:
    """A jar, named by its Maven coordinate and verified by its hash."""

    group: str
    name: str
    version: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}.jar"

    @property
    def line(self) -> str:
        return f"{self.group}:{self.name}:{self.version} {self.size} sha256:{self.sha256}"


def parse_lock(text: str) -> list[Artifact]:
    """Parse the lines `group:name:version size sha256:hex`. Raises ValueError when a line has another
    form."""
    return [_parse_line(line) for line in text.splitlines() if line and not line.startswith("#")]


def render_lock(endpoint: str, artifacts: list[Artifact]) -> str:
    """Return the text that `parse_lock` reads."""
    head = [
        f"# The jars of {endpoint}",
        "# Coordinate, size, hash. Renewed by `python -m deploy.local lock`.",
    ]
    return "\n".join([*head, *(artifact.line for artifact in artifacts)]) + "\n"


def cache_folder() -> Path:
    """Return the user's cache folder for downloads, which all checkouts share."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vita" / "jars"


def fetch(
    artifacts: list[Artifact], cache: Path, progress: Progress = lambda done, total: None
) -> list[Path]:
    """Return the jars in the cache, each verified by its hash; missing or damaged ones are downloaded.

    Raises StackFailure when the cache cannot be written, a download fails, or a downloaded file has
    another hash.
    """
    missing = [artifact for artifact in artifacts if not is_intact(cache / artifact.file_name, artifact)]
    if missing:
        _download_all(missing, cache, _Meter(sum(artifact.size for artifact in missing), progress))
    return [cache / artifact.file_name for artifact in artifacts]


def is_intact(path: Path, artifact: Artifact) -> bool:
    """Return whether the file exists and is the one that the lock names."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == artifact.sha256
    except FileNotFoundError:
        return False


def resolve(endpoint: str) -> list[Artifact]:
    """Return what the endpoint needs today according to the Maven repository: the content of a new lock
    file."""
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for artifact in jgo.resolve(endpoint):
            context = _context(Path(folder), _Meter(0, lambda done, total: None))
            path = context.project(artifact.groupId, artifact.artifactId).at_version(artifact.version)
            content = path.artifact().resolve().read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            found.append(
                Artifact(artifact.groupId, artifact.artifactId, artifact.version, len(content), digest)
            )
    return sorted(found, key=lambda artifact: (artifact.group, artifact.name))


class _Meter:
    """Adds up the bytes of all downloads."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._done = 0
        self._progress = progress

    @contextlib.contextmanager
    def __call__(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield self._add

    def _add(self, count: int) -> None:
        self._done += count
        self._progress(self._done, self._total)


def _download_all(artifacts: list[Artifact], cache: Path, meter: _Meter) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="unfinished-") as staging:
            with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
                list(pool.map(lambda artifact: _download(artifact, cache, Path(staging), meter), artifacts))
    except OSError as error:
        raise StackFailure(
            f"the folder {cache} for downloads cannot be used: {error}",
            "make it writable, or name another one in XDG_CACHE_HOME",
        ) from error


def _download(artifact: Artifact, cache: Path, staging: Path, meter: _Meter) -> None:
    component = _context(staging, meter).project(artifact.group, artifact.name).at_version(artifact.version)
    try:
        path = component.artifact().resolve()
    except (OSError, RuntimeError) as error:
        raise StackFailure(
            f"{artifact.file_name} could not be downloaded: {error}",
            "check the network and run the command again: what is already here is kept"
            " (VITA_MAVEN_REPOSITORY can name a mirror)",
        ) from error
    if not is_intact(path, artifact):
        raise StackFailure(
            f"{artifact.file_name} is not the file that deploy/local/kafka.lock names (SHA-256 differs)",
            "run the command again; if it stays so, do not trust the repository or the mirror that is used",
        )
    path.replace(cache / artifact.file_name)


def _context(folder: Path, meter: _Meter) -> MavenContext:
    mirror = os.environ.get("VITA_MAVEN_REPOSITORY")
    return MavenContext(
        resolver=PythonResolver(progress_callback=meter),
        repo_cache=folder,
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=TIMEOUT_S,
    )


def _parse_line(line: str) -> Artifact:
    coordinate, size, digest = line.split(" ")
    group, name, version = coordinate.split(":")
    algorithm, value = digest.split(":")
    if algorithm != "sha256" or len(value) != 64:
        raise ValueError(f"not a SHA-256 hash: {line}")
    return Artifact(group, name, version, int(size), value)
