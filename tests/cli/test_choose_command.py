"""`kimi-conformance choose`: what it names, what it says of speed, and how it leaves."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.runs import encode
from kimi_conformance.statistics import summary

Run = Callable[..., Any]


def answer(run: Run, *arguments: str) -> Any:
    return json.loads(run("choose", *arguments, "--json", "-").out)


def suggested(told: Any) -> list[str]:
    return [model["id"] for model in told["suggested"]]


def timing(streamed: int, replies: int, reply_s: float) -> dict[str, Any]:
    """What a load result says of times: the first token after half a second, and the end."""
    return {
        "ttft_s": asdict(summary([0.5] * streamed)),
        "response_s": asdict(summary([reply_s] * replies)),
    }


def load_run(
    folder: Path, model: str, *, rate: float = 50.0, kind: str = "live", **changes: Any
) -> None:
    """A load run of 30 replies of 101 tokens, at so many tokens a second."""
    folder.mkdir(parents=True)
    reply_s = 0.5 + 100 / rate
    load = {
        "record": "load",
        "valid": True,
        "target": {"kind": kind, "base_url": "https://api.moonshot.ai/v1", "model": model},
        "timing": timing(30, 30, reply_s),
        "tokens": {"prompt": 300, "completion": 3030},
        **changes,
    }
    head = {"record": "header", "schema": 1, "run": folder.name}
    (folder / "run.jsonl").write_bytes(encode(head) + encode(load))


def test_the_models_of_the_newest_edition_the_cheapest_first(run: Run) -> None:
    said = run("choose")

    told = answer(run)
    assert said.code == 0
    assert suggested(told) == [
        "kimi-k2.6",
        "kimi-k2.7-code",
        "kimi-k2.7-code-highspeed",
        "kimi-k3",
    ]
    assert max(len(line) for line in said.out.splitlines()) <= 80


@pytest.mark.parametrize(
    ("arguments", "models"),
    [
        (("--window", "256K"), 4),
        (("--window", "262145"), 1),
        (("--tools", "--vision", "--reasoning"), 4),
        (("--max-price", "0.95/4"), 2),
        (("--max-price", "4"), 2),
        (("--max-price", "3.99"), 0),
        (("--window", "2M"), 0),
    ],
)
def test_a_need_decides_and_so_does_the_exit_code(
    run: Run, arguments: tuple[str, ...], models: int
) -> None:
    told = answer(run, *arguments)

    assert len(told["suggested"]) == models
    assert run("choose", *arguments).code == (0 if models else 1)


def test_every_model_that_falls_out_says_why(run: Run) -> None:
    said = run("choose", "--window", "2M")

    assert "no models fit" in said.out
    assert "window 1048576 < 2097152: kimi-k3" in said.out
    assert "retired on 2026-01-28; use kimi-k2.6: kimi-latest" in said.out


def test_an_earlier_edition_can_be_asked(run: Run) -> None:
    told = answer(run, "--edition", "2025-09", "--window", "100K", "--max-price", "1/3")

    assert suggested(told) == ["kimi-k2-0905-preview", "kimi-k2-0711-preview"]
    assert "retired on 2026-05-25, by a later edition" in told["suggested"][0]["why"]


def test_overrides_count(run: Run) -> None:
    own = ("--file", "models.toml")
    run("models", "set", "kimi-k3", "price_input=0.1", "price_output=0.1", *own)

    told = answer(run, "--max-price", "1", *own)

    assert suggested(told) == ["kimi-k3"]
    assert told["suggested"][0]["price_input"] == {"value": 0.1, "source": "override"}


def test_a_model_without_a_known_price_is_never_chosen_by_price(run: Run) -> None:
    own = ("--file", "models.toml")
    run("models", "set", "--force", "self-hosted", "context_window=8K", *own)

    dear = answer(run, "--max-price", "10000", *own)
    any_price = answer(run, *own)

    assert "self-hosted" not in suggested(dear)
    assert suggested(any_price)[-1] == "self-hosted"
    (out,) = [each for each in dear["out"] if each["id"] == "self-hosted"]
    assert out["why"] == ["price of input not known", "price of output not known"]


def test_what_the_api_does_not_list_is_not_chosen(run: Run) -> None:
    told = answer(run, "--edition", "2025-09", "--lane", "simulator")

    assert "kimi-k3" not in suggested(told)


def test_without_a_load_run_no_speed_is_claimed(run: Run) -> None:
    said = run("choose", "--fast")

    told = answer(run, "--fast")
    assert "No speed is known: there is no load run yet." in " ".join(said.out.split())
    assert {model["speed"] for model in told["suggested"]} == {None}
    assert {model["behind"] for model in told["suggested"][1:]} != {None}


def test_the_fastest_measured_model_comes_first(run: Run) -> None:
    load_run(Path("reports/out/20260901-000000-load"), "kimi-k2.6", rate=40)
    load_run(Path("reports/out/20260902-000000-load"), "kimi-k3", rate=80)

    told = answer(run, "--fast")

    assert suggested(told)[:2] == ["kimi-k3", "kimi-k2.6"]
    assert told["suggested"][0]["speed"] == {
        "reply_s": pytest.approx(0.5 + 500 / 80),
        "ttft_s": pytest.approx(0.5),
        "tokens_per_s": pytest.approx(80),
        "replies": 30,
        "run": "20260902-000000-load",
        "base_url": "https://api.moonshot.ai/v1",
    }
    assert told["suggested"][2]["behind"] == "its speed has not been measured"


def test_the_newest_run_of_a_model_counts(run: Run) -> None:
    load_run(Path("reports/out/20260901-000000-load"), "kimi-k3", rate=40)
    load_run(Path("reports/out/20260902-000000-load"), "kimi-k3", rate=80)
    load_run(Path("reports/out/20260903-000000-load"), "kimi-k3", rate=20, valid=False)

    speeds = {model["id"]: model["speed"] for model in answer(run)["suggested"]}

    assert speeds["kimi-k3"]["tokens_per_s"] == pytest.approx(80)


def test_a_run_on_the_simulator_tells_no_models_speed(run: Run) -> None:
    load_run(Path("runs/20260901-000000-load"), "kimi-k3", kind="simulator")

    said = run("choose", "--fast", "--runs", "runs")

    assert "1 of the simulator, whose speed is no model's" in " ".join(said.out.split())


@pytest.mark.parametrize(
    "content", [b"", b"{}\n", b"not json\n", b'{"record":"header","schema":99}\n']
)
def test_what_is_no_run_does_no_harm(run: Run, content: bytes) -> None:
    folder = Path("reports/out/20260901-000000-load")
    folder.mkdir(parents=True)
    (folder / "run.jsonl").write_bytes(content)

    assert run("choose").code == 0


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"valid": False}, id="not valid"),
        pytest.param({"tokens": {"completion": 0}}, id="no tokens"),
        pytest.param({"timing": {"ttft_s": {}, "response_s": {}}}, id="not whole"),
        pytest.param({"timing": None}, id="another form"),
        pytest.param({"timing": timing(0, 30, 2.5)}, id="nothing streamed"),
    ],
)
def test_a_run_that_tells_no_speed_is_said_to_be_unusable(
    run: Run, changes: dict[str, Any]
) -> None:
    load_run(Path("reports/out/20260901-000000-load"), "kimi-k3", **changes)

    told = answer(run)

    assert told["speed"]["unusable"] == 1
    assert "1 not valid, too short or not whole" in told["speed"]["note"]
    assert {model["speed"] for model in told["suggested"]} == {None}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--window", "wide"), "'wide' is no number of tokens. Write 200000, or 128K."),
        (("--max-price", "cheap"), "'cheap' is no price. Write 3, or 1/5"),
        (("--max-price", "1/"), "'1/' is no price"),
        (("--edition", "2026-10"), "Did you mean '2026-09'"),
    ],
)
def test_wrong_use_is_told(run: Run, arguments: tuple[str, ...], told: str) -> None:
    said = run("choose", *arguments)

    assert said.code == 2
    assert told in said.err
