"""
`kimi-conformance drift`: what it names, what it leaves alone, and how it tells.

Long because what the editions differ in is explained here, key by key, and all is held against it.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import run

from kimi_conformance import suite as suites
from kimi_conformance.cassettes import read
from kimi_conformance.cli.drifting import asked
from kimi_conformance.cli.drifting.looking import Deadline, against
from kimi_conformance.cli.drifting.recordings import Recording, recordings_of
from kimi_conformance.cli.drifting.replaying import Session
from kimi_conformance.cli.drifting.runs import between
from kimi_conformance.cli.drifting.target import Target, simulated
from kimi_conformance.drift import Change
from kimi_conformance.errors import BudgetError
from kimi_conformance.reporting.formats.evidence_schema import flaws
from kimi_conformance.stage import Stage
from kimi_conformance.stage.live import is_chat
from kimi_conformance.wire.exchange import Request

__all__ = ["run"]

SUITE = suites.find()
OLD, NEW = "2025-09", "2026-09"
FOREVER = Deadline(until=None, clock=lambda: 0.0)
CHAT, MESSAGES = r"POST /v1/chat/completions(?: \(stream\))?: ", r"POST /anthropic/v1/messages.*: "

# Which key of the editions explains a change: its class, and a pattern of where and what.
EXPLAINED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "caching": (
        ("breaking", r"/v1/caching: route served gone"),
        ("breaking", CHAT + r"status 200 400 .*unsupported role 'cache'"),
    ),
    "models": (
        ("model retired", r"GET /v1/models: [\w.-]+ listed gone"),
        ("model added", r"GET /v1/models: [\w.-]+ absent listed"),
        ("additive", CHAT + r"status 400 .*model token limit.* 200"),
        ("additive", CHAT + r"status 400 .*invalid part type.* 200"),
    ),
    "item.fields": (("additive", r"GET /v1/models: data\[\]\.\w+ absent (boolean|string|object)"),),
    "files.status": (
        (("breaking"), r"(POST|GET) /v1/files.*: value of (data\[\]\.)?status ok ready"),
    ),
    "files.purposes": (("textual", r"POST /v1/files: error.message Invalid purpose: .*"),),
    "reply.system_fingerprint": (("breaking", CHAT + r"chunk.system_fingerprint string absent"),),
    "reply.usage_details": (("additive", CHAT + r".*_tokens_details absent object"),),
    "prefix_cache": (
        ("additive", CHAT + r".*usage.cached_tokens absent number"),
        ("additive", r"POST .*: header msh-context-cache-token-saved absent sent"),
    ),
    "errors.value_fixed": (
        ("breaking", CHAT + r"status 200 400 .*: only <n> is allowed for this model"),
        ("textual", CHAT + r"error.message .* invalid \w+: only <n> is allowed for this model"),
    ),
    "errors.reasoning_missing": (
        ("breaking", r"POST .*: status 200 400 .*reasoning_content is missing.*"),
    ),
    "errors.tool_choice_thinking": (
        ("breaking", CHAT + r"status 200 400 .*tool_choice '\w+' is incompatible.*"),
        ("textual", CHAT + r"error.message .*tool_choice '\w+' is incompatible.*"),
    ),
    "families": (  # the form of ids of calls, and thinking, which some families do always
        ("breaking", r"POST .*: form of .*id <name>:<n> <name>_<n>"),
        ("additive", CHAT + r".*reasoning_content absent string"),
        ("additive", r"POST .*: order of chunks .*"),
        ("additive", MESSAGES + r".*(thinking|signature) absent string"),
        ("additive", MESSAGES + r"value of .*type absent thinking\w*"),
        ("breaking", MESSAGES + r"value of .*type text\w* thinking\w*"),
    ),
}

# What no recorded request brings to the wire, and why.
UNSEEN: Mapping[str, str] = {
    "batches": "new: no recording of the old edition asks for it",
    "default_model": "a choice of the suite's",
    "documented_models": "what documents say; the list itself is in models",
    "retired": "models that are refused; that they went is in models",
    "headers": "of the answering server; no recording keeps them",
    "limits.response_formats": "wider now: no recording asks for the new one",
    "limits.tool_choices": "wider now: no recording of the old edition asks for the new one",
    "limits.tool_name": "wider now: no recording has a name that long",
    "reply.length_fields": "wider now: no recording of the old edition uses the new one",
    "tiers": "no recording asks so much",
}


def differing() -> set[str]:
    """The keys that the two edition files differ in, errors and some tables one level deeper."""
    old, new = (
        tomllib.loads((SUITE.conformance / "editions" / f"{name}.toml").read_text("utf-8"))
        for name in (OLD, NEW)
    )
    found = set()
    for key in old.keys() | new.keys():
        before, after = old.get(key), new.get(key)
        deep = key in {"errors", "files", "item", "limits", "reply"}
        if before != after and not deep:
            found.add(key)
        elif deep:
            assert before is not None
            assert after is not None
            inner = before.keys() | after.keys()
            found |= {f"{key}.{name}" for name in inner if before.get(name) != after.get(name)}
    return found


def says(change: Change) -> str:
    return f"{change.where} {change.before} {change.after}"


def explanations(change: Change) -> list[tuple[str, str]]:
    """The rows that explain a change."""
    return [
        (key, pattern)
        for key, rows in EXPLAINED.items()
        for kind, pattern in rows
        if change.kind.value == kind and re.fullmatch(pattern, says(change), re.DOTALL)
    ]


@pytest.mark.heavy
async def test_one_edition_against_the_next_names_what_their_files_differ_in_and_nothing_else() -> (
    None
):
    recordings = recordings_of(SUITE, OLD)

    found = await against(recordings, SUITE.edition(OLD), simulated(SUITE.edition(NEW)), FOREVER)

    explained = {says(change): explanations(change) for change in found.changes}
    assert [text for text, rows in explained.items() if len(rows) != 1] == []
    used = {row for rows in explained.values() for row in rows}
    assert used == {(key, pattern) for key, rows in EXPLAINED.items() for _, pattern in rows}
    assert {change.attribution.value for change in found.changes} == {"document changed"}


def test_every_key_that_the_editions_differ_in_is_seen_or_said_not_to_be() -> None:
    keys = differing()
    known = {*EXPLAINED, *UNSEEN}
    words = {key for key in keys if key.startswith("errors.")}

    assert known - keys == set()
    assert keys - known - words == set()


@pytest.mark.heavy
@pytest.mark.parametrize("edition", [OLD, NEW])
async def test_an_edition_has_not_drifted_from_itself(edition: str) -> None:
    now = SUITE.edition(edition)

    found = await against(recordings_of(SUITE, edition), now, simulated(now, seed=5), FOREVER)

    assert found.changes == []
    assert found.compared == found.asked


def some(topic: str) -> list[Recording]:
    """The recordings of one topic of the newer edition."""
    return [
        one for one in recordings_of_newest() if one.name.startswith(f"{NEW}/endpoint/{topic}/")
    ]


def recordings_of_newest() -> list[Recording]:
    if not _KEPT:
        _KEPT.extend(recordings_of(SUITE, NEW))
    return _KEPT


_KEPT: list[Recording] = []


@pytest.mark.parametrize(
    ("topic", "fault", "named"),
    [
        ("models", "model_dropped", {("model retired", "listed", "gone")}),
        ("models", "window_small", {("window changed", "262144", "8192")}),
        ("models", "larger_list", {("model added", "absent", "listed")}),
        ("streaming", "done_missing", {("breaking", "[DONE]", "none")}),
        ("streaming", "crlf_lines", {("breaking", "LF", "CRLF")}),
        ("streaming", "keep_alives", set()),
        ("streaming", "larger_chunks", set()),
        ("auth", "error_message_mute", {("textual", "Invalid Authentication", "Bad Request")}),
        ("chat", "id_missing", {("breaking", "string", "absent")}),
        ("chat", "usage_total_wrong", {("breaking", "kept", "broken")}),
        (
            "chat",
            "prompt_drifts",
            {("quantitative", "the same for the same request", "another each time")},
        ),
        ("chat", "uuid_ids", {("breaking", "chatcmpl-<24>", "chatcmpl-<8>-<4>-<4>-<4>-<12>")}),
    ],
)
async def test_a_fault_is_named_as_what_it_is(topic: str, fault: str, named: set[Any]) -> None:
    now = SUITE.edition(NEW)

    found = await against(some(topic), now, simulated(now, (fault,)), FOREVER)

    said = {(change.kind.value, change.before, change.after) for change in found.changes}
    assert said >= named
    assert bool(said) == bool(named)
    assert {change.attribution.value for change in found.changes} <= {"provider changed"}


async def test_calls_that_share_an_id_are_named_where_a_recording_has_two_in_one_answer() -> None:
    """In the newer edition none has: its models decide themselves whether they call two tools."""
    now = SUITE.edition(OLD)
    folder = SUITE.cassettes / OLD / "endpoint" / "tools"
    name = "two_tools_are_called_in_one_answer"
    exchanges = read(folder / f"{name}.yaml", name).interactions
    recording = Recording(name=f"{OLD}/endpoint/tools/{name}", exchanges=exchanges)

    (change,) = (
        await against([recording], now, simulated(now, ("call_ids_same",)), FOREVER)
    ).changes

    assert (change.kind.value, change.laws) == ("breaking", ("TOOLCALL-007",))


async def test_two_runs_of_the_simulator_with_other_seeds_are_no_drift() -> None:
    now = SUITE.edition(NEW)
    first = await exchanged("one", simulated(now, seed=1))
    second = await exchanged("two", simulated(now, seed=2))

    found = between(first, second, now)

    assert found.changes == []
    assert found.compared > 20


async def test_two_runs_of_which_one_has_a_fault_are_drift() -> None:
    now = SUITE.edition(NEW)
    first = await exchanged("one", simulated(now, seed=1))
    second = await exchanged("two", simulated(now, ("crlf_lines",), seed=2))

    (change,) = between(first, second, now).changes

    assert (change.before, change.after) == ("LF", "CRLF")


async def exchanged(name: str, target: Target) -> list[Recording]:
    """What a run of the recorded requests would have exchanged, each sent twice."""
    found = []
    for recording in some("streaming"):
        for number in range(2):
            session = Session(
                source=target.open(number), api_key=target.api_key, model_for={}, now=target.now
            )
            for recorded in recording.exchanges:
                told = await session.ask(recorded)
                assert told is not None
                one = replace(recorded, request=told[0], answer=told[1])
                found.append(Recording(name=f"{name}/{recorded.id}", exchanges=(one,)))
    return found


async def test_ids_of_today_are_sent_in_place_of_those_of_the_recording() -> None:
    now = SUITE.edition(NEW)

    found = await against(some("files"), now, simulated(now, seed=9), FOREVER)

    assert found.changes == []
    assert found.compared == found.asked


async def test_nothing_is_begun_after_the_time_and_what_was_found_is_told() -> None:
    now = SUITE.edition(NEW)
    ticks = iter(range(100_000))
    deadline = Deadline(until=3.0, clock=lambda: float(next(ticks)))

    found = await against(some("chat"), now, simulated(now), deadline)

    assert found.ended == "the time is over"
    assert 0 < found.compared < found.asked
    assert found.left["not reached"] == found.asked - found.compared


async def test_what_asks_no_model_goes_on_when_there_is_no_more_for_chats() -> None:
    now = SUITE.edition(NEW)
    chats = [one for one in some("chat") if is_chat(one.exchanges[0].request)][:2]
    lists = [one for one in some("models") if not any(is_chat(e.request) for e in one.exchanges)]
    mixed = [*chats, *lists]

    found = await against(mixed, now, replace(simulated(now), open=_Thrifty), FOREVER)

    assert found.ended == "no more tokens"
    assert {place.split("/")[2] for place in found.places} == {"models"}
    assert found.left["not reached"] == sum(len(one.exchanges) for one in chats)


def test_one_recording_of_each_topic_comes_first() -> None:
    every = recordings_of_newest()
    topics = [one.name.split("/")[2] for one in every]
    asks = [any(is_chat(each.request) for each in one.exchanges) for one in every]

    first = next(n for n in range(1, len(every)) if asks[n - 1] and not asks[n])
    assert len(set(zip(topics[:first], asks[:first], strict=True))) == first
    assert set(topics[:first]) == set(topics)
    assert asks[first:] == sorted(asks[first:])


class _Thrifty:
    """The simulator, whose account has no more for chats."""

    kind = "simulator"

    def __init__(self, number: int) -> None:
        self._simulator = simulated(SUITE.edition(NEW)).open(number)

    async def answer(self, request: Request) -> Any:
        if is_chat(request):
            raise BudgetError("no more tokens")
        return await self._simulator.answer(request)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite with recordings of models only: it is quick."""
    monkeypatch.setattr(asked, "recordings_of", lambda *_: some("models"))


@pytest.mark.usefixtures("few")
def test_no_drift_is_0_and_the_report_says_so(run: Any) -> None:
    said = run("drift", "--to", "simulator", "--edition", NEW, "--json", "drift.json")

    assert said.code == 0, said.err
    assert "NO DRIFT" in said.out
    answer = json.loads(Path("drift.json").read_text("utf-8"))
    assert (answer["verdict"], answer["changes"]) == ("NO DRIFT", [])
    assert answer["compared"] == answer["asked"] > 0


@pytest.mark.usefixtures("few")
def test_drift_is_1_and_is_in_the_page_the_answer_and_the_evidence(run: Any) -> None:
    said = run(
        *("drift", "--to", "simulator", "--edition", NEW, "--fault", "model_dropped"),
        *("--json", "drift.json"),
    )

    assert said.code == 1
    assert max(map(len, said.out.splitlines())) <= 80
    (change,) = json.loads(Path("drift.json").read_text("utf-8"))["changes"]
    assert change["class"] == "model retired"
    assert {"class", "where", "before", "after", "attribution"} <= change.keys()
    (folder,) = Path("reports/out").iterdir()
    lines = (folder / "run.jsonl").read_bytes().splitlines(keepends=True)
    assert [str(flaw) for flaw in flaws(lines, SUITE.reports / "schemas")] == []
    records = [json.loads(line) for line in lines]
    assert [each["record"] for each in records] == ["header", "drift", "looked", "footer"]
    page = (folder / "drift.html").read_text("utf-8")
    assert "Model retired" in page
    assert "provider changed" in page


@pytest.mark.usefixtures("few")
def test_a_fault_that_there_is_not_is_wrong_use(run: Any) -> None:
    said = run("drift", "--to", "simulator", "--fault", "no_such_fault")

    assert said.code == 2
    assert "no_such_fault" in said.err


def test_cassettes_are_not_held_against_a_run(run: Any) -> None:
    assert run("drift", "--to", "somewhere").code == 2


@pytest.mark.usefixtures("few")
def test_a_live_endpoint_is_asked_twice_within_the_budget(
    run: Any, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-" + "k" * 30
    counting = _Counting(SUITE.edition(NEW), key)
    lane = stage.open_lane(counting)
    monkeypatch.setenv("KIMI_API_KEY", key)

    said = run("drift", "--to", "live", "--base-url", lane.base_url, "--max-requests", "5")

    assert said.code == 0
    assert "budget of 5 requests is used up" in said.out
    assert counting.asked == 5
    assert key not in "".join(file.read_text("utf-8") for file in Path("reports").rglob("*.*l"))


@pytest.mark.usefixtures("few")
def test_an_endpoint_that_is_only_busy_was_not_looked_at(
    run: Any, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-" + "k" * 30
    lane = stage.open_lane(_Counting(SUITE.edition(NEW), key, busy_after=2))
    monkeypatch.setenv("KIMI_API_KEY", key)

    said = run("drift", "--to", "live", "--base-url", lane.base_url)

    assert said.code == 3
    assert "INCONCLUSIVE" in said.out


class _Counting:
    """The simulator as a live endpoint, which is only busy after some requests."""

    kind = "simulator"

    def __init__(self, edition: Any, key: str, busy_after: int = 10**9) -> None:
        from kimi_conformance.simulator import Simulator

        self._simulator = Simulator(edition, api_key=key)
        self._busy_after = busy_after
        self.asked = 0

    async def answer(self, request: Any) -> Any:
        from kimi_conformance.stage.replies import server_error

        self.asked += 1
        return (
            server_error(503)
            if self.asked > self._busy_after
            else await self._simulator.answer(request)
        )
