"""`sla --from --to`: the report over a window, from the history."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.history.memories import DAY, at, load, mean_of, past, probe, share

from kimi_conformance.history.store import History

JULY = ("sla", "--from", "2026-07-01", "--to", "2026-07-10")


@pytest.fixture
def history(run: Any) -> Path:
    """Ten nights in July, the fourth and fifth bad, and an hour of probes on the first day."""
    file = Path("reports/history.sqlite")
    with History(file, create=True) as opened:
        for number in range(10):
            started = at("2026-07-01 02:00") + number * DAY
            bad = number in {3, 4}
            result = share(900 if bad else 999, 1000, verdict="missed" if bad else "met")
            night = load(started, result, mean_of(1.0), errors={"server": 100} if bad else {})
            opened.add(past(f"night-{number}", started=started, loads=(night,)))
        begin = at("2026-07-01 12:00")
        opened.add_probes(probe(begin + 60 * minute) for minute in range(60))
    return file


@pytest.mark.usefixtures("history")
def test_it_names_the_incident_and_the_budget(run: Any) -> None:
    said = run(*JULY)

    assert said.code == 1
    assert "Incident: 2026-07-04 02:00 to 2026-07-05 02:10, 24 h 10 min\n" in said.out
    assert "server: missed success_rate (steady_chat, kimi-k2, 2 nights)" in said.out
    assert "−108 of 100" in said.out  # 10,000 calls allow 100; 2 x 100 + 8 x 1 were bad
    assert "NOT KEPT: missed: success_rate (steady_chat, kimi-k2)" in said.out
    tables = [line for line in said.out.splitlines() if "≥" in line or "≤" in line]
    assert len(tables) == 4
    assert max(map(len, tables)) <= 80


@pytest.mark.usefixtures("history")
def test_every_format_is_written_whole(run: Any) -> None:
    said = run(*JULY, "--format", "html, md,json", "--out", "here", "--json", "-")

    folder = Path("here/sla-2026-07-01-2026-07-10")
    assert sorted(file.name for file in folder.iterdir()) == ["sla.html", "sla.json", "sla.md"]
    answer = json.loads(said.out)
    assert json.loads((folder / "sla.json").read_text()) == answer
    assert answer["verdict"] == "NOT KEPT"
    (probes, nights) = answer["services"]
    assert probes["time_s"] == {"up": 3600.0, "bad": 0.0, "unknown": 10 * DAY - 3600}
    assert nights["nights"] == {"kept": 8, "missed": 2, "undecided": 0, "unknown": 0}
    success = next(each for each in nights["objectives"] if each["name"] == "success_rate")
    assert success["budget"] == {
        "total": 100.0,
        "spent": 208,
        "left": -108.0,
        "spent_share": 2.08,
    }
    assert [each["cause"] for each in answer["incidents"]] == ["server"]


@pytest.mark.usefixtures("history")
def test_a_window_without_data_is_unknown_and_not_met(run: Any) -> None:
    said = run("sla", "--from", "2025-01-01", "--to", "2025-01-31")

    assert said.code == 3
    assert "UNKNOWN: unknown, not met" in said.out
    page = Path("reports/out/sla-2025-01-01-2025-01-31/sla.html").read_text()
    assert "Unknown time is not up time" in page
    assert "KEPT" not in page


@pytest.mark.usefixtures("history")
def test_another_model_is_unknown(run: Any) -> None:
    assert run(*JULY, "--model", "kimi-k3").code == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "2026-07-32"), "no day"),
        (("--from", "2026-07-02", "--to", "2026-07-01"), "the other way round"),
        (("--from", "2999-01-01"), "before it begins"),
        (("--to", "2026-07-01"), "needs --from"),
        (("--format", "md"), "needs --from"),
        (("--from", "2026-07-01", "--format", "docx"), "There is no report format 'docx'"),
    ],
)
@pytest.mark.usefixtures("history")
def test_what_makes_no_sense_is_refused(run: Any, arguments: tuple[str, ...], told: str) -> None:
    said = run("sla", *arguments)

    assert said.code == 2
    assert told in said.err


def test_without_a_history_it_says_how_to_begin_one(run: Any) -> None:
    said = run(*JULY)

    assert said.code == 2
    assert "There is no history" in said.err


def test_two_endpoints_are_not_added_up(run: Any, history: Path) -> None:
    with History(history) as opened:
        opened.add_probe(probe(at("2026-07-02 00:00"), base_url="https://other.example/v1"))

    refused = run(*JULY)
    named = run(*JULY, "--base-url", "https://other.example/v1/", "--json", "-")

    assert refused.code == 2
    assert "https://api.example/v1, https://other.example/v1" in refused.err
    assert [each["source"] for each in json.loads(named.out)["services"]] == ["probe"]


def test_the_simulator_is_not_taken_for_the_api(run: Any, history: Path) -> None:
    started = at("2026-07-01 02:00")
    with History(history) as opened:
        night = load(started, share(1, 1000, verdict="missed"), kind="simulator", model="sim")
        opened.add(past("simulated", started=started, loads=(night,)))

    live = run(*JULY, "--json", "-")
    simulated = run(*JULY, "--target", "simulator", "--json", "-")

    assert {each["model"] for each in json.loads(live.out)["services"]} == {"kimi-k2"}
    answer = json.loads(simulated.out)
    assert {each["model"] for each in answer["services"]} == {"sim"}
    assert answer["about"] == "Of the embedded simulator, not of the real API."


def test_a_night_with_a_load_test_is_not_counted_twice(run: Any, history: Path) -> None:
    with History(history) as opened:
        for name, hour, verdict in (("with", 2, "CONFORMANT"), ("without", 9, "NOT CONFORMANT")):
            started = at(f"2026-07-08 0{hour}:00") - 60
            opened.add(past(name, started=started, verdict=verdict, because="one MUST failed"))

    answer = json.loads(run(*JULY, "--json", "-").out)

    assert [each["source"] for each in answer["services"]] == ["probe", "steady_chat", "checks"]
    checks = answer["services"][-1]
    assert checks["nights"] == {"kept": 0, "missed": 1, "undecided": 0, "unknown": 9}
    assert [each["cause"] for each in answer["incidents"]] == ["server", "conformance"]


def test_what_comes_from_outside_is_shown_and_does_nothing(run: Any) -> None:
    evil = "<script>x</script>[red]\x1b[2J\u202e|`"
    with History(Path("reports/history.sqlite"), create=True) as opened:
        begin = at("2026-07-01 12:00")
        opened.add_probes(
            probe(begin + 60 * n, "server", model=evil, detail=evil) for n in range(9)
        )

    said = run(*JULY)

    assert "\x1b" not in said.out
    assert "[red]␛[2J⟨U+202E⟩" in said.out
    page = Path("reports/out/sla-2026-07-01-2026-07-10/sla.html").read_text()
    assert "<script>x" not in page
    assert "&lt;script&gt;x&lt;/script&gt;[red]␛[2J⟨U+202E⟩" in page
    text = Path("reports/out/sla-2026-07-01-2026-07-10/sla.md").read_text()
    assert "<script>" not in text
    assert "\u202e" not in text
    assert "&#124;&#96;" in text


@pytest.mark.usefixtures("history")
def test_a_folder_that_cannot_be_written_leaves_nothing(run: Any) -> None:
    Path("taken").mkdir()
    Path("taken/sla-2026-07-01-2026-07-10").write_text("a file")

    said = run(*JULY, "--out", "taken")

    assert said.code == 3
    assert "Nothing was written" in said.err


@pytest.mark.usefixtures("history")
def test_pdf_without_a_browser_says_what_to_do(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    said = run(*JULY, "--format", "html,pdf")

    assert said.code == 2
    assert "Install one, or leave out pdf" in said.err
    assert not Path("reports/out").exists()


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="the system has no Chromium")
@pytest.mark.usefixtures("history")
def test_a_pdf_is_printed(run: Any) -> None:
    run(*JULY, "--format", "pdf")

    content = Path("reports/out/sla-2026-07-01-2026-07-10/sla.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(content) > 10_000
