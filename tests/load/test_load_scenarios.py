"""Every scenario of the suite, run for some seconds: does it answer its question?"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import psutil
import pytest

from kimi_conformance import suite
from kimi_conformance.cli.loading.run import simulator_process
from kimi_conformance.errors import UsageError
from kimi_conformance.load.running.launch import Crew, run_scenario
from kimi_conformance.load.users.scenario import read_header
from kimi_conformance.load.users.search import GENERATOR
from kimi_conformance.load.users.trace import read_trace

LOADTESTS = suite.find().loadtests
SCENARIOS = sorted(path.stem for path in LOADTESTS.glob("*.py"))
TRACE = LOADTESTS / "traces" / "sample.jsonl"
KEY = "kept-out-of-arguments-and-samples"
SECONDS = 5.0
LONGER = {"fault_storm": 10.0, "ramp": 12.0, "rate_limit": 9.0, "soak": 15.0, "spike": 10.0}
FAST = ("--ttft", "0.15", "--itl", "0.01", "--tier", "none")

Record = Mapping[str, Any]
Run = Callable[..., Record]

pytestmark = pytest.mark.heavy


def run(file: Path, base_url: str, key: str, model: str, out: Path, **more: Any) -> Record:
    return run_scenario(
        file,
        base_url=base_url,
        api_key=key,
        model=model,
        out=out,
        target_kind="simulator",
        **{"duration_s": LONGER.get(file.stem, SECONDS), **more},
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a scenario of the suite on a simulator as its header has it, once a session."""

    @cache
    def simulated(name: str, edition: str = "", **more: Any) -> Record:
        file = LOADTESTS / f"{name}.py"
        header = read_header(file)
        served_edition = edition or header.edition or "2025-09"
        model = suite.find().edition(served_edition).default_model
        out = tmp_path_factory.mktemp(name)
        with simulator_process(served_edition, *FAST, *header.simulate) as served:
            more = {"target_pid": served.pid, **more}
            return run(file, served.base_url, served.api_key, model, out, **more)

    return simulated


@pytest.fixture
def limited() -> Iterator[Callable[[str], str]]:
    """Starts an endpoint with limits; its base URL."""
    started: list[subprocess.Popen[str]] = []

    def start(behaviour: str) -> str:
        command = [sys.executable, str(Path(__file__).with_name("limited_endpoint.py")), behaviour]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return f"http://127.0.0.1:{int(process.stdout.readline())}/v1"

    yield start
    for process in started:
        process.kill()
        process.communicate()


def changed(tmp_path: Path, name: str, *changes: tuple[str, str], slo: str = "") -> Path:
    """A scenario of the suite with some of its words changed, and objectives of its own."""
    folder = tmp_path / "loadtests"
    folder.mkdir()
    text = (LOADTESTS / f"{name}.py").read_text("utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / f"{name}.py").write_text(text, "utf-8")
    given = (LOADTESTS / "slo.toml").read_text("utf-8")
    (folder / "slo.toml").write_text(slo or given, "utf-8")
    return folder / f"{name}.py"


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_runs_to_its_end_and_its_calls_succeed(ran: Run, name: str) -> None:
    record = ran(name)

    assert (record["ended"], record["complete"]) == ("complete", True)
    assert not [why for why in record["invalid_because"] if "raised" in why]
    assert record["requests"] > 0
    assert record["errors"] == {}
    assert record["by_name"]


def test_a_ramp_stops_at_its_highest_rate_where_nothing_breaks(ran: Run) -> None:
    record = ran("ramp")

    rates = [step["rate"] for step in record["steps"]]
    assert rates[:2] == [4.0, 8.0]
    assert record["saturation"]["tried"] == max(rates)
    assert record["steps"][-1]["goodput_per_s"] > record["steps"][0]["goodput_per_s"]


EXPECTED = "expected = frozenset({ErrorClass.RATE_LIMIT})"
RAMP_SLO = """
[all.success_rate]
metric = "success"
objective = 0.99
[ramp.ttft]
metric = "ttft_s"
at_most = 0.25
objective = 0.9
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_a_ramp_finds_the_rate_that_an_endpoint_bears(
    limited: Callable[[str], str], tmp_path: Path, processes: int
) -> None:
    file = changed(tmp_path, "ramp", ("((600, 400),)", "((600, 60),)"), slo=RAMP_SLO)
    crew = Crew(processes=processes)

    record = run(file, limited("serves:25"), KEY, "m", tmp_path, duration_s=24.0, crew=crew)

    answer = record["saturation"]
    if answer["answered"]:  # on a busy machine it is not, and says why
        assert answer["broke"] == "ttft"
        assert 8 <= answer["rate"] < answer["broke_at"] <= 50
    else:
        assert answer["broke"] == GENERATOR
    assert [step["judged"] for step in record["steps"]] == [
        not step["broke"] for step in record["steps"]
    ]
    assert record["requests"] < sum(step["requests"] for step in record["steps"])


def test_a_spike_is_ten_times_as_much_and_is_recovered_from(ran: Run) -> None:
    record = ran("spike")

    before, spike, after = record["steps"]
    assert spike["offered_per_s"] > 4 * max(before["offered_per_s"], after["offered_per_s"])
    assert [step["judged"] for step in record["steps"]] == [True, False, True]
    assert record["requests"] <= before["requests"] + after["requests"]
    assert record["recovery"] == [{"after": "spike", "seconds": 0.0}]


def test_a_soak_states_the_slopes(ran: Run) -> None:
    trend = ran("soak")["trend"]

    assert trend["response_s"]["low"] < trend["response_s"]["high"]
    assert trend["load_memory_percent"]["n"] >= 10
    assert trend["target_memory_percent"]["n"] >= 10


def test_long_prompts_are_as_long_as_they_say(ran: Run) -> None:
    lengths = ran("long_context")["by_name"]

    assert {"32768 tokens", "65536 tokens", "131072 tokens"} <= lengths.keys()
    for name, found in lengths.items():
        assert found["mean_prompt_tokens"] == pytest.approx(int(name.split()[0]), rel=0.01)
        assert found["ttft_s"]["n"] == found["requests"]


def test_long_prompts_are_cut_to_a_small_window_and_never_cached(ran: Run) -> None:
    record = ran("long_context", edition="2025-09")

    assert list(record["by_name"]) == ["7904 tokens"]
    assert record["cached_tokens"] == 0


def test_a_long_prompt_is_in_memory_once_and_not_once_a_user(ran: Run) -> None:
    small, large = ran("steady_chat"), ran("long_context")

    more = [
        one["resources"]["load"]["memory_percent"]["peak"] / 100 * psutil.virtual_memory().total
        for one in (small, large)
    ]
    # All lengths together are 2 MB as text, and as much again as bytes.
    assert more[1] - more[0] < 40e6


def test_a_tool_loop_is_one_call_of_two_requests(ran: Run) -> None:
    names = ran("tool_mix")["by_name"]

    loops, chats = names["chat/weather_and_time"], names["chat/short_question"]
    assert loops["attempts"] == 2 * loops["requests"] > 0
    assert chats["attempts"] == chats["requests"] > 0
    assert loops["mean_prompt_tokens"] > 200


@pytest.mark.parametrize("edition", ["2025-09", ""], ids=["explicit", "automatic"])
def test_hits_and_misses_of_a_cache_are_told_apart(ran: Run, edition: str) -> None:
    record = ran("cache_reuse", edition=edition)

    names = record["by_name"]
    assert names["shared beginning, hit"]["requests"] > names["own beginning, miss"]["requests"] > 0
    assert "own beginning, hit" not in names
    assert record["cached_tokens"] > 3000 * names["shared beginning, hit"]["requests"]


def test_a_hit_begins_sooner_where_the_endpoint_makes_it(
    limited: Callable[[str], str], tmp_path: Path
) -> None:
    names = run(LOADTESTS / "cache_reuse.py", limited("hit:0.2"), KEY, "m", tmp_path)["by_name"]

    hit, miss = names["shared beginning, hit"], names["own beginning, miss"]
    assert miss["ttft_s"]["p50"] - hit["ttft_s"]["p50"] == pytest.approx(0.2, abs=0.1)


def test_above_a_limit_all_are_served_in_the_end(ran: Run) -> None:
    at, above = ran("rate_limit")["steps"]

    assert (at["refused"], at["attempts"]) == (0, at["requests"])
    assert above["refused"] > 0
    assert above["attempts"] > above["requests"]
    assert at["success_share"] == above["success_share"] == 1.0


@pytest.mark.parametrize("how", ["header", "words"])
def test_nothing_is_sent_before_the_time_that_a_refusal_says(
    limited: Callable[[str], str], tmp_path: Path, how: str
) -> None:
    few = ('option("places", 200)', "4")

    record = run(
        changed(tmp_path, "rate_limit", few), limited(f"refuses:{how}"), KEY, "m", tmp_path
    )

    assert record["errors"] == {}  # the endpoint answers 400 to whoever comes too early
    assert record["by_name"]["chat/greeting"]["attempts"] == 2 * record["requests"] > 0
    assert record["timing"]["response_s"]["p50"] > 1.0


def test_refusals_that_a_scenario_sets_out_to_cause_count_neither_way(
    limited: Callable[[str], str], tmp_path: Path
) -> None:
    file = changed(
        tmp_path,
        "rate_limit",
        ('option("places", 200)', "4"),
        ("import KimiUser", "import ErrorClass, KimiUser"),
        ("constant(0.1)", "constant(1.1)"),
        ("retries = Retries(attempts=40, cap_s=4.0, longest_s=120.0)", EXPECTED),
    )

    record = run(file, limited("refuses:header"), KEY, "m", tmp_path)

    assert record["errors"] == {}
    assert record["objectives"][0]["value"] == 1.0
    assert record["requests"] < sum(step["requests"] for step in record["steps"])


def test_in_a_storm_calls_succeed_because_they_are_sent_again(ran: Run) -> None:
    record = ran("fault_storm")

    calls = record["by_name"].values()
    assert sum(each["attempts"] for each in calls) > sum(each["requests"] for each in calls)
    assert record["errors"] == {}
    assert record["timing"]["response_s"]["p99"] > record["timing"]["response_s"]["p50"] + 0.2


def test_without_retries_the_same_storm_is_seen(tmp_path: Path) -> None:
    gone = ("retries = Retries(attempts=6, factor_s=0.25)", "retries = Retries(attempts=1)")
    file = changed(tmp_path, "fault_storm", gone)
    header = read_header(file)

    with simulator_process("2025-09", *FAST, *header.simulate) as served:
        record = run(file, served.base_url, served.api_key, "moonshot-v1-8k", tmp_path)

    assert set(record["errors"]) <= {"rate_limit", "server", "transport"}
    assert sum(record["errors"].values()) > 0


def test_a_trace_is_replayed_in_its_sizes_by_one_process_as_by_two(ran: Run) -> None:
    one, two = ran("trace_replay"), ran("trace_replay", crew=Crew(processes=2))

    planned = [each for each in read_trace(TRACE).arrivals if each.at < SECONDS]
    for record in (one, two):
        found = record["by_name"]["replayed"]
        assert found["requests"] == record["requests"] == pytest.approx(len(planned), abs=2)
        assert found["mean_prompt_tokens"] == pytest.approx(
            mean(each.prompt_tokens or 0 for each in planned), rel=0.2
        )


def test_a_trace_with_a_wrong_line_is_refused(
    limited: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "wrong.jsonl"
    trace.write_text('{"timestamp": 0, "input_length": 5}\n', "utf-8")
    monkeypatch.setenv("KIMI_LOAD_TRACE", str(trace))

    with pytest.raises(UsageError, match=r"wrong\.jsonl, line 1: 'output_length' is None"):
        run(LOADTESTS / "trace_replay.py", limited("serves:9"), KEY, "m", tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("soak", ("((7200, 10),)", "()"), "there is one stage or more"),
        ("spike", ("Part(END,", "Part(100,"), "each ends later than the one before it"),
        ("spike", ("SPIKE = 3.0, 30.0", "SPIKE = 3.0, -1.0"), "from 0 on"),
        ("ramp", ("class Asker", 'raise RuntimeError("no")\n\nclass Asker'), "RuntimeError: no"),
        ("ramp", ("arrivals = ", "wait_time = lambda self: 1.0\n    arrivals = "), "arrivals and"),
        ("tool_mix", ("class Asker(KimiUser)", "class Asker"), "has 0 users"),
        ("soak", ("chat/short_question", "chat/short_questions"), "Did you mean 'chat/short_q"),
        ("ramp", ("first=option", "frist=option"), "unexpected keyword argument 'frist'"),
        (
            "rate_limit",
            ("Target:    simulate", "Target:    imitate"),
            "The target of rate_limit.py",
        ),
    ],
)
def test_what_is_wrong_with_a_scenario_is_said(
    limited: Callable[[str], str], tmp_path: Path, name: str, change: tuple[str, str], message: str
) -> None:
    file = changed(tmp_path, name, change)

    try:
        record = run(file, limited("serves:99"), KEY, "m", tmp_path)
        said = str(record["invalid_because"])
    except UsageError as error:
        said = str(error)

    assert message in said


WILD = """class Wild(Poisson):
    def __iter__(self):
        raise RuntimeError("wild")
        yield


class Asker"""


def test_a_schedule_that_raises_ends_the_run_and_says_so(
    limited: Callable[[str], str], tmp_path: Path
) -> None:
    file = changed(
        tmp_path, "spike", ("arrivals = Poisson", "arrivals = Wild"), ("class Asker", WILD)
    )

    record = run(file, limited("serves:99"), KEY, "m", tmp_path)

    assert (record["ended"], record["valid"]) == ("broken", False)
    assert "RuntimeError: wild" in record["invalid_because"][0]


def test_a_cache_that_the_endpoint_does_not_have_is_said(tmp_path: Path) -> None:
    """A model of 2025-09 has explicit caches; here it is asked of an API that has none."""
    file = LOADTESTS / "cache_reuse.py"

    with simulator_process("2026-09", *FAST) as served:
        record = run(file, served.base_url, served.api_key, "moonshot-v1-8k", tmp_path)

    assert record["ended"] == "broken"
    assert "POST /caching, which this scenario needs, was answered with" in str(
        record["invalid_because"]
    )


def test_the_adapter_asks_in_whole_and_in_streams(ran: Run) -> None:
    record = ran("adapter_in_path")

    names = record["by_name"]
    assert names["chat/short_question"]["ttft_s"]["n"] == names["chat/short_question"]["requests"]
    assert names["chat/greeting"]["ttft_s"]["n"] == 0
    assert names["chat/greeting"]["mean_completion_tokens"] > 0
    assert record["timing"]["itl_s"]["n"] > record["requests"]


def test_what_the_adapter_raises_is_classed(limited: Callable[[str], str], tmp_path: Path) -> None:
    record = run(LOADTESTS / "adapter_in_path.py", "http://127.0.0.1:9/v1", KEY, "m", tmp_path)

    assert set(record["errors"]) <= {"transport", "unfinished"}
    assert record["failures"][0]["detail"].startswith("LLMConnectionError")
