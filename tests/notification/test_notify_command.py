"""`kimi-conformance notify` against a loopback GitHub and a loopback webhook."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import run
from tests.history.memories import probe
from tests.notification.test_alerts import alert, told

from kimi_conformance.alerts import GitHub, SendError, decide
from kimi_conformance.alerts.issue import MARK
from kimi_conformance.errors import UsageError
from kimi_conformance.history.store import History
from kimi_conformance.runs import encode

__all__ = ["run"]

TOKEN = "ghs_not_a_real_token"


class Server:
    """Keeps what it was told, and knows of one repository."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Any]] = []
        self.tokens: set[str | None] = set()
        self.issues: list[dict[str, Any]] = []
        self.status = 200
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                ours.told.append((self.command, self.path, body))
                ours.tokens.add(self.headers.get("Authorization"))
                answer = json.dumps(ours.answer(self.command, self.path, body)).encode()
                self.send_response(ours.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PATCH = do_POST  # noqa: N815 - the names that the server looks for

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, method: str, path: str, body: Any) -> Any:
        if method == "GET":
            return [issue for issue in self.issues if issue["state"] == "open"]
        if path.endswith("/issues"):
            self.issues.append({**body, "number": len(self.issues) + 1, "state": "open"})
        elif method == "PATCH":
            self.issues[int(path.rpartition("/")[2]) - 1].update(body)
        return {}

    @property
    def made(self) -> list[str]:
        return [f"{method} {path.partition('/x/y')[2]}" for method, path, _ in self.told]


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def night(verdict: str) -> str:
    """The folder of a night that ended so."""
    folder = Path("night")
    folder.mkdir(exist_ok=True)
    header = {
        "record": "header",
        "schema": 2,
        "run": "night",
        "job": "nightly",
        "started": "2026-09-10T02:00:00+00:00",
        "suite": {"version": "0"},
        "lane": "live",
        "source": "live",
        "edition": "2026-09",
    }
    footer = {"record": "footer", "verdict": verdict, "because": "two failed"}
    (folder / "run.jsonl").write_bytes(encode(header) + encode(footer))
    return str(folder)


def test_an_issue_is_opened_once_kept_and_closed(
    run: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_API_URL", server.url)
    github = ("--github", "x/y")

    codes = [
        run("notify", "--run", night(verdict), *github).code
        for verdict in ("NOT CONFORMANT", "NOT CONFORMANT", "INCONCLUSIVE", "CONFORMANT")
    ]

    assert codes == [1, 1, 1, 0]
    listed = "GET /issues?state=open&labels=kimi-conformance&per_page=100"
    assert server.made == [
        *(listed, "POST /issues"),
        *(listed, "PATCH /issues/1"),
        *(listed, "PATCH /issues/1"),
        *(listed, "POST /issues/1/comments", "PATCH /issues/1"),
    ]
    assert [issue["state"] for issue in server.issues] == ["closed"]
    assert server.tokens == {f"Bearer {TOKEN}"}
    kept = [file for file in Path().rglob("*") if file.is_file()]
    assert TOKEN.encode() not in b"".join(file.read_bytes() for file in kept)


def test_a_webhook_is_told_only_where_there_is_news(
    run: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_WEBHOOK_URL", f"{server.url}/hook/secret")

    for verdict in ("CONFORMANT", "NOT CONFORMANT", "NOT CONFORMANT", "CONFORMANT"):
        run("notify", "--run", night(verdict), "--webhook")

    assert [len(body["open"]) for _, _, body in server.told] == [1, 0]


def test_what_could_not_be_told_is_told_the_next_time(
    run: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_WEBHOOK_URL", f"{server.url}/hook/secret")
    server.status = 500
    said = run("notify", "--run", night("NOT CONFORMANT"), "--webhook")
    server.status = 200
    again = run("notify", "--run", night("NOT CONFORMANT"), "--webhook")

    assert (said.code, again.code) == (3, 1)
    assert "hook/secret" not in said.out + said.err
    assert len(server.told) == 2


def test_the_summary_and_the_answer_say_the_same(run: Any) -> None:
    said = run(
        *("notify", "--run", night("NOT CONFORMANT"), "--summary", "summary.md", "--json", "-")
    )

    assert said.code == 1
    assert json.loads(said.out)["open"][0]["kind"] == "not conformant"
    assert "**not conformant** (new)" in Path("summary.md").read_text("utf-8")


def test_what_is_missing_is_said_before_anything_is_sent(run: Any) -> None:
    for wrong in (("--github", "x/y"), ("--webhook",)):
        assert run("notify", "--run", night("CONFORMANT"), *wrong).code == 2
    assert run("notify").code == 2


def test_of_two_endpoints_one_is_named_by_option_or_environment(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with History(Path("reports/history.sqlite"), create=True) as opened:
        for host in ("one", "other"):
            opened.add_probe(probe(time.time() - 60, base_url=f"https://{host}.example/v1"))

    refused = run("notify")
    named = run("notify", "--base-url", "https://one.example/v1/")
    monkeypatch.setenv("KIMI_BASE_URL", "https://other.example/v1")
    by_environment = run("notify")

    assert refused.code == 2
    assert "https://one.example/v1, https://other.example/v1" in refused.err
    assert [named.code, by_environment.code] == [0, 0]


def test_a_pull_request_or_an_issue_of_somebody_else_is_not_ours(server: Server) -> None:
    github = GitHub("x/y", TOKEN, server.url)
    server.issues = [
        {"number": 1, "state": "open", "body": "mine"},
        {"number": 2, "state": "open", "body": MARK, "pull_request": {}},
        {"number": 3, "state": "open", "body": None},
    ]

    assert github.rolling_issue() is None
    github.make(decide(None, told(alert())))
    found = github.rolling_issue()
    assert found is not None
    assert found.number == 4


def test_a_token_that_may_not_is_said_without_the_token(server: Server) -> None:
    server.status = 403

    with pytest.raises(SendError, match="403") as error:
        GitHub("x/y", TOKEN, server.url).rolling_issue()
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize("repository", ["x", "x/y/z", "/y", "x/"])
def test_a_repository_of_another_form_is_refused(repository: str) -> None:
    with pytest.raises(UsageError):
        GitHub(repository, TOKEN)


def test_nobody_there_is_an_error_of_ours() -> None:
    with pytest.raises(SendError, match="not reached"):
        GitHub("x/y", TOKEN, "http://127.0.0.1:9").rolling_issue()
