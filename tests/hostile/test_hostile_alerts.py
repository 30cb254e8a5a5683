"""Whoever answers for GitHub, or for a webhook, may mean harm; so may who answers a doctor."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from tests.hostile.bodies import ENDLESS, MALFORMED, VALUES, answer, bomb, head, redirect
from tests.hostile.conftest import Rude

from kimi_conformance import http
from kimi_conformance.alerts import GitHub, SendError, send_webhook, sending
from kimi_conformance.alerts.issue import MARK
from kimi_conformance.cli.health import live
from kimi_conformance.errors import UsageError

Open = Callable[..., Rude]

TOKEN = "ghs_hostile_0123456789"
HOOK = "secret-of-the-hook"
SMALL = 2**20
IN_PIPES = 16 * 2**20  # bytes that may be on their way when a reader leaves
ECHOES = {
    "status line": lambda: iter((b"HTTP/1.1 \x1b[31m " + TOKEN.encode() + HOOK.encode(),)),
    "reason": answer(b"{}", status=f"500 {TOKEN} {HOOK}\x1b[2J".encode()),
    "header": lambda: iter((b"HTTP/1.1 200 OK\r\n" + f"{TOKEN} {HOOK}\r\n\r\n".encode(),)),
    "length": lambda: iter((head(f"Content-Length: {TOKEN} {HOOK}".encode()) + b"{}",)),
    "body": answer(f"no JSON: {TOKEN} {HOOK}".encode(), status=b"404 No"),
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second is long, and a MiB is much."""
    monkeypatch.setattr(sending, "SECONDS", 0.5)
    monkeypatch.setattr(live, "_PATIENCE", 0.5)
    small = partial(http.fetch, most=SMALL)
    monkeypatch.setattr(http, "fetch", small)
    monkeypatch.setattr(sending, "fetch", small)


def bombed() -> Any:
    return answer(bomb(64 * SMALL), b"Content-Encoding: gzip")()


FLOODS = {**ENDLESS, "bomb": bombed}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", FLOODS)
def test_an_answer_to_an_alert_has_an_end(rude: Open, name: str) -> None:
    server = rude(FLOODS[name])
    url = f"http://127.0.0.1:{server.port}"

    with pytest.raises(SendError, match="GitHub was not reached"):
        GitHub("x/y", TOKEN, url).rolling_issue()
    with pytest.raises(SendError, match="The webhook was not reached"):
        send_webhook(f"{url}/{HOOK}", {})

    assert server.written < 2 * (SMALL + IN_PIPES)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", [*FLOODS, *MALFORMED])
def test_an_answer_to_a_doctor_has_an_end(rude: Open, name: str) -> None:
    server = rude({**FLOODS, **MALFORMED}[name])

    seen = live.observe(server.base_url, TOKEN)

    assert seen.wrong
    assert server.written < SMALL + IN_PIPES


@pytest.mark.parametrize("date", ["", "9" * 5000, "Mon, 01 Jan 0001 00:00:00 -0000", "\xff", ","])
def test_a_date_of_any_form_is_one_or_none(rude: Open, date: str) -> None:
    server = rude(answer(b'{"data":[]}', b"Date: " + date.encode("latin-1")))

    assert live.observe(server.base_url, TOKEN).models == 0


@pytest.mark.parametrize("name", ECHOES)
def test_nothing_that_is_answered_is_told(rude: Open, name: str) -> None:
    url = f"http://127.0.0.1:{rude(ECHOES[name]).port}"

    with pytest.raises(SendError) as of_github:
        GitHub("x/y", TOKEN, url).rolling_issue()
    with pytest.raises(SendError) as of_hook:
        send_webhook(f"{url}/{HOOK}", {})

    for told in (str(of_github.value), str(of_hook.value)):
        assert told.isprintable()
        assert TOKEN not in told
        assert HOOK not in told


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_neither_token_nor_alert_follows_a_redirect(rude: Open, status: int) -> None:
    other = rude(answer(b"[]"))
    server = rude(redirect(status, f"http://127.0.0.1:{other.port}/"))
    url = f"http://127.0.0.1:{server.port}"

    with pytest.raises(SendError, match=f"with {status}"):
        GitHub("x/y", TOKEN, url).rolling_issue()
    with pytest.raises(SendError, match=f"with {status}"):
        send_webhook(f"{url}/{HOOK}", {})

    assert other.asked == []


NO_ISSUES: dict[str, bytes] = {
    **{name: VALUES[name] for name in ("odd ids", "other types", "twice", "half a pair")},
    "texts": b'["a", null, 7, [[]]]',
    "no number": json.dumps([{"body": MARK}]).encode(),
    "a path": json.dumps([{"body": MARK, "number": "../../../user"}]).encode(),
    "a list": json.dumps([{"body": MARK, "number": [1]}]).encode(),
    "a truth": json.dumps([{"body": MARK, "number": True}]).encode(),
}


@pytest.mark.parametrize("name", NO_ISSUES)
def test_an_issue_of_another_form_is_none_of_ours(rude: Open, name: str) -> None:
    server = rude(answer(NO_ISSUES[name]))

    assert GitHub("x/y", TOKEN, f"http://127.0.0.1:{server.port}").rolling_issue() is None


@pytest.mark.parametrize("name", ["deep", "deep, closed", "digits", "no numbers", "no UTF-8"])
def test_what_is_no_json_is_said(rude: Open, name: str) -> None:
    server = rude(answer(VALUES[name]))

    with pytest.raises(SendError, match="with no JSON"):
        GitHub("x/y", TOKEN, f"http://127.0.0.1:{server.port}").rolling_issue()


@pytest.mark.parametrize("repository", ["x/..", "../y", "x/y?a=b", "x/y#a", "x/y\n", "x/\u202ey"])
def test_a_repository_names_no_other_path(repository: str) -> None:
    with pytest.raises(UsageError, match="is no repository"):
        GitHub(repository, TOKEN)


@pytest.mark.parametrize("token", [f"{TOKEN}\n", f"{TOKEN}\r\nX: y", f"{TOKEN}é", f"a {TOKEN}"])
def test_a_token_that_no_header_carries_is_wrong_use(token: str) -> None:
    with pytest.raises(UsageError, match="GITHUB_TOKEN holds a character") as told:
        GitHub("x/y", token)

    assert TOKEN not in str(told.value)


@pytest.mark.parametrize("url", ["http://[x", "http://", "file:///etc/passwd", "x", "http://[::1"])
def test_an_address_of_any_form_is_refused_without_the_webhooks(url: str) -> None:
    with pytest.raises(UsageError, match=r"no http\(s\) URL"):
        GitHub("x/y", TOKEN, url)
    with pytest.raises(UsageError, match=r"The webhook's address is no http\(s\) URL"):
        send_webhook(url, {})
