"""An endpoint that means harm, asked by every door but the load generator's."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.hostile.bodies import ENDLESS, MALFORMED, VALUES, answer, bomb, head, redirect
from tests.hostile.conftest import Rude

from kimi_conformance import http, suite
from kimi_conformance.checks.endpoint import Endpoint
from kimi_conformance.errors import TransportError
from kimi_conformance.http import fetch, httpx
from kimi_conformance.load.samples.records import ErrorClass
from kimi_conformance.probing.request import BODY_LIMIT, Probing
from kimi_conformance.stage import Budget, Lane, Live, Stage, live
from kimi_conformance.verdicts import InconclusiveError
from kimi_conformance.wire.exchange import Request

Open = Callable[..., Rude]

KEY = "sk-hostile-0123456789abcdef"
PLACEHOLDER = "sk-placeholder"
IN_PIPES = 16 * 2**20  # bytes that may be on their way when a reader leaves
SMALL = 2**20


def drip(first: bytes) -> Iterator[bytes]:
    yield first
    for _ in range(400):
        yield b"X"
        time.sleep(0.02)


DRIPS = {
    "of a head": lambda: drip(b"HTTP/1.1 200 OK\r\nX: "),
    "of a body": lambda: drip(head(b"Content-Length: 1000000")),
}
CODINGS = {
    "gzip": (b"gzip", bomb(64 * SMALL)),
    "zlib": (b"deflate", bomb(64 * SMALL, wbits=15)),
}


# ------------------------------------------------------------ what is asked before a run


@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_that_is_to_be_small_has_an_end(rude: Open, name: str) -> None:
    server = rude(ENDLESS[name])

    with pytest.raises(TransportError):
        fetch("GET", server.base_url, headers={}, seconds=0.5, most=SMALL)

    assert server.written < SMALL + IN_PIPES


@pytest.mark.parametrize("name", MALFORMED)
def test_an_answer_that_is_no_http_is_a_clear_error(rude: Open, name: str) -> None:
    with pytest.raises(TransportError):
        fetch("GET", rude(MALFORMED[name]).base_url, headers={}, seconds=2)


@pytest.mark.parametrize("name", DRIPS)
def test_an_answer_that_is_to_be_quick_has_an_end(rude: Open, name: str) -> None:
    with pytest.raises(TransportError, match=r"took longer than 0\.1 s"):
        fetch("GET", rude(DRIPS[name]).base_url, headers={}, seconds=0.1)


@pytest.mark.parametrize("name", CODINGS)
def test_a_bomb_is_not_inflated_beyond_what_is_read(rude: Open, name: str) -> None:
    coding, body = CODINGS[name]
    server = rude(answer(body, b"Content-Encoding: " + coding))

    with pytest.raises(TransportError, match="once inflated"):
        fetch("GET", server.base_url, headers={}, most=SMALL)


def test_a_coding_that_nobody_asked_for_is_not_undone(rude: Open) -> None:
    server = rude(answer(b"\x0b\x02\x80{}\x03", b"Content-Encoding: br"))

    assert fetch("GET", server.base_url, headers={}).body == b"\x0b\x02\x80{}\x03"


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("command", ["list", "compare"])
def test_a_list_of_models_of_any_values_is_listed_or_refused(
    run: Callable[..., Any],
    rude: Open,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    name: str,
) -> None:
    monkeypatch.setenv("KIMI_API_KEY", KEY)
    server = rude(answer(VALUES[name]))

    said = run("models", command, "--lane", "live", "--base-url", server.base_url)

    assert not {"\x1b", "\x07", "\u202e"} & {*said.out, *said.err}
    assert KEY not in said.out + said.err
    assert KEY.encode() in server.asked[0]


def test_an_id_without_end_is_not_compared_with_what_was_asked_for(
    run: Callable[..., Any], rude: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_API_KEY", KEY)
    server = rude(answer(VALUES["odd ids"]))

    said = run(
        *("check", "--base-url", server.base_url, "--edition", "2025-09", "--model", "kimi"),
        *("--plan", "--requirement", "EP-CHAT-01"),
    )

    assert said.code in {0, 2, 3}
    assert len(said.err) < 5000


# ------------------------------------------------------------ where the key goes

STATUSES = (301, 302, 303, 307, 308)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("form", ["http://127.0.0.1:{}/v1/x", "//127.0.0.1:{}/x", "http:/x"])
def test_no_redirect_is_followed(stage: Stage, rude: Open, status: int, form: str) -> None:
    other = rude(answer(b"{}"))
    server = rude(redirect(status, form.format(other.port)))
    lane = live_lane(stage, server)

    asked(lane)
    fetch("GET", server.base_url, headers={"Authorization": f"Bearer {KEY}"})
    with Probing(server.base_url, KEY, limit_s=2, clock=time.perf_counter) as probing:
        probing.ask(probing.request("kimi"))

    assert other.asked == []
    assert len(server.asked) == 3


@pytest.mark.parametrize("path", ["@127.0.0.1:{}/v1/x", "{}.127.0.0.1", "", "x"])
def test_a_path_names_no_host(stage: Stage, rude: Open, path: str) -> None:
    other, server = rude(answer(b"{}")), rude(answer(b"{}"))
    source = Live(server.base_url, KEY, placeholder=PLACEHOLDER, budget=Budget())
    request = http_request(path.format(other.port))

    with pytest.raises(TransportError, match="that is no path"):
        stage.call(source.answer(request))

    assert other.asked == server.asked == []


# ------------------------------------------------------------ behind the stage


def http_request(path: str) -> Request:
    return Request(method="GET", path=path, headers=(("Authorization", f"Bearer {PLACEHOLDER}"),))


def live_lane(stage: Stage, server: Rude, **limits: float) -> Lane:
    source = Live(server.base_url, KEY, placeholder=PLACEHOLDER, budget=Budget(), **limits)
    return stage.open_lane(source)


def asked(lane: Lane, **headers: str) -> httpx.Response | None:
    """The answer as a client reads it that inflates nothing; None: it broke off."""
    key = {"Authorization": f"Bearer {PLACEHOLDER}"}
    try:
        with (
            httpx.Client(trust_env=False, timeout=20) as client,
            client.stream("GET", f"{lane.base_url}/models", headers={**key, **headers}) as answered,
        ):
            for _ in answered.iter_raw():
                pass
            return answered
    except httpx.TransportError:
        return None


@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_without_end_is_a_trouble_of_the_lane_or_breaks_off(
    stage: Stage, rude: Open, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(live, "LARGEST_ANSWER", SMALL)
    server = rude(ENDLESS[name])
    lane = live_lane(stage, server, seconds=1, longest=1)

    answered = asked(lane)

    assert answered is None
    assert lane.troubles or all(each.answer.ending != "complete" for each in exchanges(lane))
    assert server.written < SMALL + IN_PIPES
    assert sum(len(each.answer.body) for each in exchanges(lane)) <= SMALL


def exchanges(lane: Lane) -> Any:
    assert lane.journal is not None
    return lane.journal.exchanges


@pytest.mark.parametrize("name", DRIPS)
def test_a_drip_behind_the_stage_has_an_end(stage: Stage, rude: Open, name: str) -> None:
    lane = live_lane(stage, rude(DRIPS[name]), longest=0.1)

    asked(lane)

    assert [str(each) for each in lane.troubles] == [
        "GET /v1/models: the answer took longer than 0.1 s. An endpoint that answers so cannot be "
        "judged."
    ]


@pytest.mark.parametrize("name", CODINGS)
def test_a_bomb_reaches_no_client(
    stage: Stage, rude: Open, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(live, "LARGEST_ANSWER", SMALL)
    coding, body = CODINGS[name]
    lane = live_lane(stage, rude(answer(body, b"Content-Encoding: " + coding)))

    asked(lane)

    assert "the answer passed 1 MiB" in str(lane.troubles[0])


def test_only_codings_that_can_be_bounded_are_asked_for_and_passed_on(
    stage: Stage, rude: Open
) -> None:
    server = rude(answer(b"x", b"Content-Encoding: br"))
    lane = live_lane(stage, server)

    asked(lane, **{"Accept-Encoding": "gzip;q=0.5, deflate, br, zstd"})
    asked(lane, **{"Accept-Encoding": "br"})

    assert b"accept-encoding: gzip;q=0.5, deflate\r\n" in server.asked[0].lower()
    assert b"accept-encoding: identity\r\n" in server.asked[1].lower()
    assert "in a coding nobody asked for: br." in str(lane.troubles[0])


@pytest.mark.parametrize("name", CODINGS)
async def test_a_check_inflates_no_bomb(
    rude: Open, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    coding, body = bomb_of(name)
    server = rude(answer(body, b"Content-Encoding: " + coding))
    endpoint = Endpoint(server.base_url, KEY, "kimi", suite.find().edition("2025-09"))

    with pytest.raises(InconclusiveError, match="once inflated"):
        await endpoint.get("/models")

    await endpoint.aclose()


def bomb_of(name: str) -> tuple[bytes, bytes]:
    coding, _ = CODINGS[name]
    return coding, bomb(66 * SMALL, wbits=31 if name == "gzip" else 15)


@pytest.mark.parametrize("name", ["deep", "digits", "no UTF-8"])
async def test_what_is_no_json_fails_the_check(rude: Open, name: str) -> None:
    endpoint = Endpoint(
        rude(answer(VALUES[name])).base_url, KEY, "kimi", suite.find().edition("2025-09")
    )

    reply = await endpoint.get("/models")
    with pytest.raises(AssertionError, match="no JSON"):
        reply.json  # noqa: B018 - reading it is what fails

    await endpoint.aclose()


# ------------------------------------------------------------ a probe


@pytest.mark.parametrize("name", [*ENDLESS, *DRIPS])
def test_a_probe_comes_back(rude: Open, name: str) -> None:
    server = rude({**ENDLESS, **DRIPS}[name])

    with Probing(server.base_url, KEY, limit_s=0.5, clock=time.perf_counter) as probing:
        found = probing.ask(probing.request("kimi"))

    assert found.error is not ErrorClass.OK
    assert server.written < BODY_LIMIT + IN_PIPES or name == "interim answers"  # by its time only


def test_many_redirects_are_one_request(rude: Open) -> None:
    server = rude(redirect(302, "/v1/models"))

    assert fetch("GET", server.base_url, headers={}).status == 302
    assert len(server.asked) == 1


def test_the_limits_are_such_that_a_machine_bears_them() -> None:
    """What is kept of one answer, and what a client may make of it, is tens of MiB."""
    assert max(live.LARGEST_ANSWER, http.MOST_FETCHED, BODY_LIMIT) <= 64 * SMALL
    assert live.LARGEST_ANSWER // live.LEAST_PIECE < 10**6
