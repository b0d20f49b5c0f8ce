"""Addresses that a user types, and what is wrong with TLS at one of them."""

import contextlib
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.prepare import Installation, NotPrepared
from services.runtime.addresses import (
    MalformedAddress,
    check_bootstrap,
    check_database_url,
    check_http_url,
    words_of_tls,
)

SECRET = "hunter2"


@pytest.mark.parametrize("good", ["broker:9092", "a:1,b:65535", "a:1, b:2", "[::1]:9092", "127.0.0.1:9092"])
def test_brokers_are_taken(good: str) -> None:
    """Names, addresses of both kinds, one or several."""
    check_bootstrap(good)


@pytest.mark.parametrize(
    "bad",
    ["", "broker", "broker:", ":9092", "a:1,,b:2", "kafka://a:1", "a:0", "a:65536", "a:x", "a b:1", "::1:9"],
)
def test_malformed_brokers_are_refused(bad: str) -> None:
    """What no client could use is refused before one tries."""
    with pytest.raises(MalformedAddress):
        check_bootstrap(bad)


@pytest.mark.parametrize(
    "good",
    [
        "postgresql://postgres@localhost/postgres",
        "postgres://u:p@h:1/d?sslmode=require",
        "postgresql://u:p%40%2F@h,i/d",
        "postgresql:///d?host=/run/postgresql",
    ],
)
def test_databases_are_taken(good: str) -> None:
    """Every form that PostgreSQL's clients know."""
    check_database_url(good)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "localhost:5432",
        "mysql://h/d",
        f"postgresql://u:{SECRET}/x@h:5432/d",
        f"postgresql://u:{SECRET}#x@h:5432/d",
        f"postgresql://u:{SECRET}@h:54x2/d",
        f"postgresql://u:{SECRET}@h:99999/d",
        f"postgresql://u:{SECRET}@:5432/d",
        f"postgresql://u:{SECRET}@[::1/d",
    ],
)
def test_malformed_databases_are_refused_without_their_password(bad: str) -> None:
    """The sentence says what is wrong and repeats nothing of the address, nor does a cause of the error."""
    with pytest.raises(MalformedAddress) as caught:
        check_database_url(bad)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(NotPrepared, match="VITA_POSTGRES_ADMIN_URL"):
        Installation.from_environment({"VITA_POSTGRES_ADMIN_URL": bad, "VITA_KAFKA_BOOTSTRAP": "a:1"})


@given(st.text())
def test_no_text_ends_in_another_error(text: str) -> None:
    """Whatever is typed, it is taken or refused."""
    for check in (check_bootstrap, check_database_url, check_http_url):
        with contextlib.suppress(MalformedAddress):
            check(text)


def test_tls_is_found_in_the_causes() -> None:
    """Clients wrap the error of TLS; its words are found, and no words where it is none."""
    wrapped = OSError("connect")
    wrapped.__cause__ = RuntimeError()
    wrapped.__cause__.__context__ = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    wrapped.__cause__.__context__.reason = "WRONG_VERSION_NUMBER"
    assert words_of_tls(wrapped) == "it does not speak TLS"
    assert words_of_tls(ConnectionRefusedError()) is None
