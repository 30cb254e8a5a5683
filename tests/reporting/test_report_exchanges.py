"""An exchange on the page, and the shell line that sends it again."""

import json
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.reporting.views.exchanges import curl, indented, shown_exchange

Make = Callable[..., dict[str, Any]]


def request(body: str = "", path: str = "/v1/chat/completions", **more: Any) -> dict[str, Any]:
    return {
        "method": more.get("method", "POST" if body else "GET"),
        "path": path,
        "query": more.get("query", ""),
        "headers": more.get("headers", [["Content-Type", "application/json"], ["Host", "h"]]),
        "body": body,
        "body_bytes": more.get("body_bytes", len(body.encode("utf-8", "surrogatepass"))),
    }


def arguments(command: str) -> list[bytes]:
    """What a real shell hands to curl."""
    script = f'curl() {{ printf "%s\\0" "$@"; }}\n{command}'
    environment = {"KIMI_BASE_URL": "https://x/v1", "KIMI_API_KEY": "sk-mine", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, check=True)
    return done.stdout.split(b"\0")[:-1]


def test_the_line_names_url_headers_key_and_body() -> None:
    command, note = curl(request('{"a":"it\'s"}'))

    assert arguments(command) == [
        b"-sS", b"-i", b"-N", b"-X", b"POST", b"https://x/v1/chat/completions",
        b"-H", b"Authorization: Bearer sk-mine",
        b"-H", b"Content-Type: application/json",
        b"--data-raw", b'{"a":"it\'s"}',
    ]  # fmt: skip
    assert note == ""


def test_a_recorded_key_header_is_replaced() -> None:
    command, _ = curl(request(headers=[["authorization", "Bearer sk-somebody-elses"]]))

    assert "sk-somebody-elses" not in command
    assert command.count("$KIMI_API_KEY") == 1


@pytest.mark.parametrize(
    ("path", "query", "url"),
    [
        ("/v1/models", "", b"https://x/v1/models"),
        ("/v1/files", "limit=2&after=a b", b"https://x/v1/files?limit=2&after=a b"),
        ("/v1", "", b"https://x/v1"),
        ("/models", "", b"https://x/models"),
        ("/v1/$(touch x)`y`\"'", "", b"https://x/v1/$(touch x)`y`\"'"),
    ],
)
def test_the_url_is_the_one_that_was_asked_for(path: str, query: str, url: bytes) -> None:
    assert arguments(curl(request(path=path, query=query))[0])[3] == url


@pytest.mark.parametrize(
    "body",
    ["plain", "two\nlines", "bidi \u202e mark \\ and ' quote", "\x01\x7f", "你好 $HOME `x` $(y)"],
)
def test_a_body_reaches_curl_byte_for_byte(body: str) -> None:
    assert arguments(curl(request(body))[0])[-1] == body.encode()


def test_unseen_characters_do_not_stand_in_the_line_themselves() -> None:
    command, _ = curl(request("a\u202eb"))

    assert "\u202e" not in command


@pytest.mark.parametrize("more", [{"body_bytes": 9_000_000}, {"body": "x" * 9_000}, {"body": "\0"}])
def test_a_body_that_cannot_stand_in_a_line_goes_into_a_file(more: dict[str, Any]) -> None:
    command, note = curl(request(**{"body": "x", **more}))

    assert command.endswith("--data-binary @request.body")
    assert note


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values, st.booleans())
def test_breaking_lines_changes_no_token(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)

    assert json.loads(indented(text)) == value


def test_doubled_keys_and_odd_numbers_stay_to_be_seen() -> None:
    assert indented('{"a":1.0e5,"a":[ ],"b":"[ ]"}') == (
        '{\n  "a": 1.0e5,\n  "a": [],\n  "b": "[ ]"\n}'
    )


@pytest.mark.parametrize("text", ["", "data: {}\n\n", '{"a":', "[" * 100_000])
def test_what_is_no_json_is_left_alone(text: str) -> None:
    assert indented(text) == text


def test_a_huge_body_is_shortened_and_says_so(exchange: Make) -> None:
    shown = shown_exchange(exchange("x", sut="s", answer="y" * 5_000_000)).answer_body

    assert len(shown.text) == 20_000
    assert shown.folded
    assert shown.note == "5.0 MB, 4,980,000 more characters are in the evidence file"


def test_a_body_that_was_not_kept_whole_says_so(exchange: Make) -> None:
    shown = shown_exchange(exchange("x", sut="s", body="abc", body_bytes=5_000)).request_body

    assert shown.note == "5.0 kB, 5.0 kB were not kept as evidence"


def test_an_exchange_without_bodies_is_shown(exchange: Make) -> None:
    shown = shown_exchange(exchange("x", sut="s", status=299, frames=[], ending="stalled"))

    assert shown.line == "GET /v1/models → 299"
    assert shown.answer_body.text == ""
    assert shown.ending == "Nothing more came, until the client gave up."
    assert shlex.split(shown.curl)[0] == "curl"
