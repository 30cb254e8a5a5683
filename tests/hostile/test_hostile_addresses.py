"""Addresses that are none, or that hold a secret: wrong use before anything is sent."""

from collections.abc import Callable
from typing import Any

import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.http import is_address
from kimi_conformance.probing.metrics import Metrics, serve
from kimi_conformance.stage import Stage, refuse_unsendable

KEY = "sk-hostile-0123456789abcdef"
SECRET = "sk-in-the-address-0815"
NONE = {
    "no host": "http://",
    "other scheme": "file:///etc/passwd",
    "half of a bracket": "http://[x",
    "half of an address": "http://[::1",
    "no port": "http://127.0.0.1:x/v1",
    "port 0": "http://127.0.0.1:0/v1",
    "port too large": "http://127.0.0.1:99999/v1",
    "port of many digits": "http://127.0.0.1:" + "9" * 5000,
    "no punycode": "http://xn--/v1",
    "bidi host": "http://\u202emoc.tohsnoom.ipa/v1",
    "bidi path": "http://127.0.0.1/\u202e1v",
    "space": "http://127.0.0.1 /v1",
    "NUL": "http://127.0.0.1:9/\0",
    "line end": "http://127.0.0.1:9/v1\r\nX-Own: 1",
    "half a pair": "http://127.0.0.1:9/\ud800",
    "steering": "http://\x1b[2J/v1",
}
SECRETS = {
    "password": f"http://user:{SECRET}@127.0.0.1:9/v1",
    "user": f"http://{SECRET}@127.0.0.1:9/v1",
    "in what is no address": f"http://{SECRET}@[x",
    "query": f"http://127.0.0.1:9/v1?key={SECRET}",
    "fragment": f"http://127.0.0.1:9/v1#{SECRET}",
}
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("check", "--requirement", "EP-CHAT-01"),
    ("nightly",),
    ("drift", "--from", "cassettes", "--to", "live"),
    ("record", "models", "--source", "live"),
    ("record", "models", "--source", "live", "--plan"),
    ("probe", "--once", "--model", "m"),
    ("models", "compare", "--lane", "live"),
    ("load", "run", "steady_chat", "--duration", "1s"),
    ("load", "run", "steady_chat", "--plan"),
)


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_address_is_refused(name: str) -> None:
    assert not is_address(NONE[name])
    with pytest.raises(UsageError, match="is no base URL"):
        refuse_unsendable(NONE[name], KEY)


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "https://api.moonshot.cn/v1",
        "http://[::1]:8000/v1",
        "HTTP://h/v1",
        "http://ü.de",
    ],
)
def test_what_is_an_address_is_taken(url: str) -> None:
    refuse_unsendable(url, KEY)


@pytest.mark.parametrize("name", SECRETS)
def test_an_address_with_a_secret_is_refused_without_it(name: str) -> None:
    with pytest.raises(UsageError, match="no user, password or query") as told:
        refuse_unsendable(SECRETS[name], KEY)

    assert SECRET not in str(told.value)


@pytest.mark.parametrize("url", [NONE["half of a bracket"], NONE["steering"], SECRETS["password"]])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_refuses_them(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], url: str
) -> None:
    monkeypatch.setenv("KIMI_API_KEY", KEY)

    said = run(*command, "--base-url", url)

    assert said.code == 2
    assert not {SECRET, "\x1b", KEY} & {part for part in (SECRET, "\x1b", KEY) if part in said.err}
    assert "base url" in said.err.lower()


@pytest.mark.parametrize("host", ["\u202e", "a" * 300, "\ud800", "a b", "::x"])
def test_what_is_no_host_cannot_be_listened_on(host: str) -> None:
    with pytest.raises(UsageError, match="Cannot listen on"), Stage(host=host):
        pass
    with pytest.raises(UsageError, match="Metrics cannot be served on"), serve(Metrics(), host, 0):
        pass
