"""What a command says of an address that it cannot use."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local.tls.authority import Authority
from services.demo.gateway import DemoError
from services.demo.run import run
from tests.support.fake_vita import FakeVita
from tests.unit.cli.conftest import Vita

TOKEN = ("--token", "t.o.k")


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[str]:
    """The URL of a server whose certificate is signed by an unknown authority."""
    authority = Authority.create(["localhost"])
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    certificate, key = authority.issue(["localhost"])
    (tmp_path / "server.pem").write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_request: object) -> None:
            """The handshake that the client breaks off is what is tested."""

    with Quiet(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_untrusted_certificate_is_reported(vita: Vita, untrusted: str) -> None:
    """Neither a read, nor a token, nor a batch of logins calls that silence; each names what to do."""
    for ran in (
        vita("users", "list", "--management-url", untrusted, *TOKEN),
        vita("logins", "send", "-", "--ingest-url", untrusted, *TOKEN, stdin="{}\n"),
    ):
        assert ran.code == 1
        assert "its certificate is not valid here: unable to get local issuer certificate" in ran.err
        assert "SSL_CERT_FILE" in ran.err


async def test_the_demo_trusts_the_authority_of_its_stack(untrusted: str, tmp_path: Path) -> None:
    """With the stack's certificates the demo reaches the services over HTTPS and hears what they answer."""
    trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    with pytest.raises(DemoError, match="answered 501"):
        await run(
            untrusted, untrusted, "t.o.k", Console(quiet=True),
            size=50, seed=1, now=datetime.now(UTC), verify=trusting,
        )  # fmt: skip


def test_https_behind_a_plain_http_address_is_reported(vita: Vita, untrusted: str) -> None:
    """A server that expects TLS ends the connection; the advice is to look at the scheme."""
    ran = vita("users", "list", "--management-url", untrusted.replace("https:", "http:"), *TOKEN)
    assert (ran.code, "begin its address with https://" in ran.err) == (1, True), ran.err


def test_plain_http_behind_an_https_address_is_reported(vita: Vita, fake: FakeVita) -> None:
    """The scheme of the address is wrong, not the certificate."""
    ran = vita("users", "list", "--management-url", fake.url.replace("http:", "https:"), *TOKEN)
    assert (ran.code, "it does not speak TLS" in ran.err) == (1, True), ran.err


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        (("users", "list", "--management-url", "localhost:8080", *TOKEN), "VITA_MANAGEMENT_URL"),
        (("logins", "send", "-", "--ingest-url", "http://h:80x", *TOKEN), "VITA_INGEST_URL"),
        (("tail", "--kafka-bootstrap", "localhost"), "VITA_KAFKA_BOOTSTRAP"),
        (("tenants", "list", "--database-url", "postgresql://u:se/cret@h/d"), "VITA_DATABASE_URL"),
    ],
)
def test_a_malformed_address_is_reported_with_its_variable(
    vita: Vita, arguments: tuple[str, ...], variable: str
) -> None:
    """Wherever an address is given, it is refused in one line that repeats no password."""
    ran = vita(*arguments)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert f"{variable}: " in ran.err
    assert "cret" not in ran.err


def test_the_shell_completes_commands(vita: Vita, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script that `--show-completion` prints makes bash ask the program, which names the commands."""
    monkeypatch.setenv("_VITA_COMPLETE", "source_bash")
    script = vita().out
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    monkeypatch.setenv("_VITA_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "vita ten")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert vita().out.split() == ["tenants"]
