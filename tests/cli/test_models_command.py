"""`kimi-conformance models`: what it shows, what it refuses, and what it leaves on disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance import suite
from kimi_conformance.stage import Script, Stage, replies
from kimi_conformance.wire.exchange import Answer

Run = Callable[..., Any]
OWN = ("--file", "models.toml")
NEWEST = list(suite.find().editions().values())[-1]
LIVE = [{"id": model.id, "context_length": model.context_window} for model in NEWEST.models]


def answer(run: Run, *arguments: str) -> Any:
    return json.loads(run(*arguments, "--json", "-").out)


def by_id(listed: Any) -> dict[str, Any]:
    return {model["id"]: model for model in listed["models"]}


@pytest.fixture
def live(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], str]:
    """A live endpoint that answers so, with its key in the environment; its base URL."""

    def serve(reply: Answer) -> str:
        monkeypatch.setenv("KIMI_API_KEY", "sk-x")
        return stage.open_lane(Script([reply])).base_url

    return serve


@pytest.mark.parametrize("edition", suite.find().editions())
def test_the_list_names_every_model_of_an_edition_in_80_columns(run: Run, edition: str) -> None:
    said = run("models", "list", "--edition", edition)

    assert said.code == 0
    for model in suite.find().edition(edition).models:
        assert model.id in said.out
    assert max(len(line.rstrip()) for line in said.out.splitlines()) <= 80
    assert "…" not in said.out


def test_the_list_is_of_the_newest_edition_unless_told(run: Run) -> None:
    listed = answer(run, "models", "list")

    offered = [model["id"] for model in listed["models"] if model["offered"]]
    assert listed["edition"] == NEWEST.name
    assert offered == [model.id for model in NEWEST.models]
    assert by_id(listed)["kimi-k3"]["context_window"] == {
        "value": 1048576,
        "source": "edition 2026-09",
    }


def test_a_retired_model_is_listed_with_its_end_and_its_successor(run: Run) -> None:
    gone = by_id(answer(run, "models", "list"))["moonshot-v1-8k"]

    assert (gone["offered"], gone["retired"], gone["successor"]) == (
        False,
        "2026-08-31",
        "kimi-k2.6",
    )


def test_a_value_says_where_it_comes_from(run: Run) -> None:
    run("models", "set", "kimi-k3", "max_tokens=1K", *OWN)

    model = by_id(answer(run, "models", "list", "--lane", "simulator", *OWN))["kimi-k3"]

    assert model["max_tokens"] == {"value": 1024, "source": "override"}
    assert model["context_window"]["source"] == "API"
    assert model["tools"]["source"] == "edition 2026-09"


def test_the_list_marks_what_is_overridden_and_names_the_file(run: Run) -> None:
    run("models", "set", "kimi-k3", "context_window=256K", *OWN)

    said = run("models", "list", *OWN)

    (row,) = [line for line in said.out.splitlines() if line.startswith("kimi-k3 ")]
    assert "256K*" in row
    assert "Overrides: models.toml" in said.out


def test_a_model_is_shown_with_every_setting(run: Run) -> None:
    said = run("models", "show", "kimi/kimi-k3")

    assert said.code == 0
    assert said.out.startswith("kimi/kimi-k3\n")
    assert "1048576" in said.out
    assert "platform.kimi.ai/docs/pricing/chat-k3" in said.out


def test_what_is_set_is_kept_and_can_be_taken_back(run: Run, tmp_path: Path) -> None:
    first = run("models", "set", "kimi/kimi-k3", "context_window=256K", "tools=no", *OWN)
    window = answer(run, "models", "show", "kimi-k3", *OWN)["context_window"]["value"]
    second = run("models", "unset", "kimi-k3", "tools", *OWN)
    left = answer(run, "models", "show", "kimi-k3", *OWN)
    third = run("models", "unset", "kimi-k3", *OWN)

    assert [first.code, second.code, third.code] == [0, 0, 0]
    assert window == 262144
    assert left["context_window"]["source"] == "override"
    assert left["tools"]["source"] == "edition 2026-09"
    assert answer(run, "models", "show", "kimi-k3", *OWN)["context_window"]["value"] == 1048576
    assert [path.name for path in tmp_path.iterdir()] == ["models.toml"]


def test_the_file_is_the_users_own_unless_told_and_clients_are_told_where(
    run: Run, tmp_path: Path
) -> None:
    said = run("models", "set", "kimi-k3", "max_tokens=100")

    path = tmp_path / "home" / ".config" / "kimi-conformance" / "models.toml"
    assert path.is_file()
    assert f"export KIMI_MODELS_FILE={path}" in said.out


def test_the_variable_names_the_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_MODELS_FILE", str(tmp_path / "mine.toml"))

    said = run("models", "set", "kimi-k3", "max_tokens=100")

    assert "max_tokens = 100" in (tmp_path / "mine.toml").read_text()
    assert "export" not in said.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("kimi-k33", "tools=no"), "Did you mean 'kimi-k3'"),
        (("kimi-k3", "contxt_window=1"), "Did you mean 'context_window'"),
        (("kimi-k3", "context_window"), "Write it like this: context_window=131072"),
        (("kimi-k3", "context_window=0"), "not a whole number from 1"),
        (("kimi-k3", "context_window=many"), "not a whole number from 1"),
        (("kimi-k3", "context_window=2M"), "1048576 tokens by edition 2026-09"),
        (("kimi-k3", "context_window=1K", "max_tokens=2K"), "does not fit"),
        (("kimi-k3", "tools=perhaps"), "not true or false"),
        (("kimi-k3",), "Missing argument"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_written(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    said = run("models", "set", *arguments, *OWN)

    assert said.code == 2
    assert told in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [("kimi-k3", "context_window=2M"), ("self-hosted", "context_window=8K")]
)
def test_what_is_known_better_can_be_forced(run: Run, arguments: tuple[str, ...]) -> None:
    refused = run("models", "set", *arguments, *OWN)
    forced = run("models", "set", "--force", *arguments, *OWN)

    model = answer(run, "models", "show", arguments[0], *OWN)
    assert (refused.code, forced.code) == (2, 0)
    assert model["context_window"]["source"] == "override"
    assert model["offered"]


@pytest.mark.parametrize("command", [("set", "kimi-k3", "tools=no"), ("unset", "kimi-k3")])
def test_a_file_that_cannot_be_read_is_never_overwritten(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    file = tmp_path / "models.toml"
    file.write_text("[models")

    said = run("models", *command, *OWN)

    assert said.code == 2
    assert "models.toml is not TOML" in said.err
    assert file.read_text() == "[models"


def test_taking_back_what_was_not_set_is_told(run: Run) -> None:
    said = run("models", "unset", "kimi-k3", *OWN)

    assert said.code == 2
    assert "Nothing is overridden of 'kimi-k3'" in said.err


@pytest.mark.parametrize("edition", suite.find().editions())
def test_an_api_that_serves_the_edition_is_equal(run: Run, edition: str) -> None:
    said = run("models", "compare", "--lane", "simulator", "--edition", edition)

    assert said.code == 0
    assert "equal" in said.out


def test_a_newer_api_is_told_apart_with_successors(run: Run) -> None:
    arguments = ("models", "compare", "--lane", "simulator", "--edition", "2025-09")
    said = run(*arguments, "--simulated", "2026-09")
    found = answer(run, *arguments, "--simulated", "2026-09")

    assert said.code == 1
    assert "gone     kimi-latest: retired on 2026-01-28, use kimi-k2.6" in said.out
    assert "added    kimi-k3" in said.out
    assert not found["equal"]
    assert "kimi-k3" in found["added"]


def test_an_overridden_window_differs_from_the_apis(run: Run) -> None:
    run("models", "set", "kimi-k3", "context_window=256K", *OWN)

    said = run("models", "compare", "--lane", "simulator", *OWN)

    assert said.code == 1
    assert "window   kimi-k3: 262144 by override, 1048576 by the API" in said.out


def test_a_live_api_is_held_against_the_edition_that_fits(
    run: Run, live: Callable[[Answer], str]
) -> None:
    changed = [*LIVE[1:], {"id": "kimi-k4", "context_length": 1}]
    url = live(replies.model_list(changed))

    said = run("models", "compare", "--base-url", url)

    assert said.code == 1
    assert f"{url} against edition {NEWEST.name}" in said.out
    assert "added    kimi-k4" in said.out
    assert f"gone     {LIVE[0]['id']}: the API does not list it" in said.out


def test_a_live_api_that_is_equal(run: Run, live: Callable[[Answer], str]) -> None:
    said = run("models", "compare", "--base-url", live(replies.model_list(LIVE)))

    assert said.code == 0


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (replies.invalid_key(), "refuses the key"),
        (replies.server_error(), "is no list of models"),
        (replies.html(), "web page"),
        (replies.not_json(), "is no list of models"),
    ],
)
def test_an_api_that_could_not_be_asked_is_inconclusive(
    run: Run, live: Callable[[Answer], str], reply: Answer, told: str
) -> None:
    said = run("models", "compare", "--base-url", live(reply))

    assert said.code == 3
    assert told in said.err
    assert said.out == ""


def test_an_api_where_nobody_listens_is_inconclusive(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_API_KEY", "sk-x")

    said = run("models", "compare", "--base-url", "http://127.0.0.1:9/v1")

    assert said.code == 3
    assert "does not answer" in said.err


def test_a_live_api_without_a_key_is_wrong_use(run: Run) -> None:
    said = run("models", "compare")

    assert said.code == 2
    assert "set KIMI_API_KEY" in said.err


def test_what_a_server_calls_its_models_cannot_write_to_the_terminal(
    run: Run, live: Callable[[Answer], str]
) -> None:
    names = ("\x1b[2Jkimi", "[red]kimi[/red]", "kimi-[/]")
    evil: list[dict[str, Any]] = [*({"id": name} for name in names), *LIVE]

    said = run("models", "list", "--lane", "live", "--base-url", live(replies.model_list(evil)))

    assert said.code == 0
    assert "\x1b[2J" not in said.out
    assert "[red]" not in said.out
