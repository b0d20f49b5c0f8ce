"""Kafka's jars: the lock file, its hashes, and downloads."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.failure import StackFailure
from deploy.local.servers import artifacts
from deploy.local.servers.artifacts import Artifact, fetch, is_intact, parse_lock, render_lock

JAR = b"bytes of a jar" * 2000
ARTIFACT = Artifact("org.example", "part", "1.0", len(JAR), hashlib.sha256(JAR).hexdigest())


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Nothing is printed into the test's output."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository on this machine, used instead of the public one."""
    folder = tmp_path / "repository" / "org/example/part/1.0"
    folder.mkdir(parents=True)
    handler = functools.partial(_Quiet, directory=str(tmp_path / "repository"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("VITA_MAVEN_REPOSITORY", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield folder / "part-1.0.jar"
        server.shutdown()
        thread.join()


def _left(cache: Path) -> list[str]:
    return [path.name for path in cache.iterdir()]


def test_the_committed_lock_is_kafka_as_wished() -> None:
    """All jars have hashes, Kafka's have one version, and no host is named."""
    text = artifacts.KAFKA_LOCK.read_text()
    jars = parse_lock(text)
    kafka = {jar.version for jar in jars if jar.group == "org.apache.kafka"}
    assert (len(jars), kafka) == (46, {"4.3.1"})
    assert "//" not in text


def test_a_lock_survives_writing_and_reading() -> None:
    """A rendered lock file parses to equal artifacts."""
    assert parse_lock(render_lock("an:endpoint:1", [ARTIFACT])) == [ARTIFACT]


@pytest.mark.parametrize(
    "line", ["a:b:1", "a:b:1 12 md5:00", "a:b:1 12 sha256:00", "a:b 12 sha256:" + "0" * 64]
)
def test_a_damaged_lock_is_refused(line: str) -> None:
    """A line that cannot be understood is never skipped."""
    with pytest.raises(ValueError):  # noqa: PT011 - which message does not matter
        parse_lock(line)


def test_a_jar_is_downloaded_once(repository: Path, tmp_path: Path) -> None:
    """The second start needs no network."""
    repository.write_bytes(JAR)
    seen: list[tuple[int, int]] = []
    cache = tmp_path / "cache"
    [jar] = fetch([ARTIFACT], cache, lambda done, total: seen.append((done, total)))
    assert jar.read_bytes() == JAR
    assert seen[-1] == (len(JAR), len(JAR))
    repository.unlink()
    assert fetch([ARTIFACT], cache) == [jar]


def test_a_damaged_jar_is_replaced(repository: Path, tmp_path: Path) -> None:
    """A file in the cache that is not what the lock names is downloaded again."""
    repository.write_bytes(JAR)
    cache = tmp_path / "cache"
    [jar] = fetch([ARTIFACT], cache)
    jar.write_bytes(JAR[:-1])
    fetch([ARTIFACT], cache)
    assert is_intact(jar, ARTIFACT)


def test_a_foreign_jar_is_refused(repository: Path, tmp_path: Path) -> None:
    """A repository that serves other bytes does not get them into the cache."""
    repository.write_bytes(JAR + b"!")
    cache = tmp_path / "cache"
    with pytest.raises(StackFailure, match="SHA-256 differs"):
        fetch([ARTIFACT], cache)
    assert _left(cache) == []


def test_an_interrupted_download_leaves_nothing_half(repository: Path, tmp_path: Path) -> None:
    """After an interruption in the middle of a file the next start gets it whole."""
    repository.write_bytes(JAR)
    cache = tmp_path / "cache"

    def interrupt(done: int, total: int) -> None:
        assert 0 < done < total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([ARTIFACT], cache, interrupt)
    assert _left(cache) == []
    assert is_intact(fetch([ARTIFACT], cache)[0], ARTIFACT)


def test_an_unreachable_repository_is_answered_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user reads what to do, and that what is here already is kept."""
    monkeypatch.setenv("VITA_MAVEN_REPOSITORY", "http://127.0.0.1:9")
    with pytest.raises(StackFailure, match=r"part-1.0.jar could not be downloaded(.|\n)*check the network"):
        fetch([ARTIFACT], tmp_path / "cache")


def test_the_cache_belongs_to_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_CACHE_HOME is respected, and an empty home folder is enough."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert artifacts.cache_folder() == tmp_path / ".cache" / "vita" / "jars"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert artifacts.cache_folder() == tmp_path / "other" / "vita" / "jars"
