import json
from pathlib import Path

import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.load.client.bodies import Bodies
from kimi_conformance.load.client.texts import FRESH, text_of
from kimi_conformance.load.users.options import option
from kimi_conformance.simulator import tokens


def body_of(*parts: bytes) -> dict[str, object]:
    found: dict[str, object] = json.loads(b"".join(parts))
    return found


def test_a_body_is_made_once_for_all_who_ask_for_the_same(tmp_path: Path) -> None:
    (tmp_path / "hi.json").write_text('{"messages": [], "model": "own"}', "utf-8")
    bodies = Bodies(model="kimi-k2.6", fixtures=(tmp_path,))

    ready = bodies.ready("hi", {"max_tokens": 8}, streamed=True)

    assert bodies.ready("hi", {"max_tokens": 8}, streamed=True) is ready
    assert bodies.ready("hi", {"max_tokens": 9}, streamed=True) is not ready
    assert ready.model == "own"
    assert body_of(*ready.parts()) == {
        "model": "own",
        "messages": [],
        "max_tokens": 8,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_something_new_stands_in_its_place_and_the_rest_is_shared() -> None:
    bodies = Bodies(model="m")
    bodies.add("long", lambda: {"messages": [f"{FRESH}{text_of(1000)}"]})

    one, two = (bodies.ready("long", {}, streamed=False).parts() for _ in range(2))

    assert one[0] != two[0]
    assert one[1] is two[1]
    assert len(one[1]) > 4000
    assert FRESH.encode() not in b"".join(one)
    assert body_of(*one)["model"] == "m"


def test_the_body_that_a_scenario_made_first_stays() -> None:
    bodies = Bodies(model="m")
    bodies.add("it", lambda: {"n": 1})

    bodies.add("it", lambda: pytest.fail("made again"))

    assert bodies.named("it") == {"n": 1}


def test_a_name_that_nobody_knows_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "greeting.json").write_text("{}", "utf-8")

    with pytest.raises(UsageError, match="Did you mean 'chat/greeting'"):
        Bodies(model="m", fixtures=(tmp_path,)).ready("chat/greting", {}, streamed=False)


@pytest.mark.parametrize("content", ["[]", "{"])
def test_a_fixture_that_is_no_object_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "it.json").write_text(content, "utf-8")

    with pytest.raises(UsageError, match=r"fixtures/it\.json is no"):
        Bodies(model="m", fixtures=(tmp_path,)).named("it")


def test_a_text_is_as_long_as_was_asked_and_one_for_all() -> None:
    assert tokens.of_text(text_of(777)) == 777
    assert len(text_of(777).split()) == 777
    assert text_of(777) is text_of(777)
    assert text_of(0) == ""
    with pytest.raises(ValueError, match="can be had"):
        text_of(2**20 + 1)


def test_an_option_is_of_the_type_of_its_default() -> None:
    chosen = {"KIMI_LOAD_PLACES": "50", "KIMI_LOAD_RATE": " 2.5 ", "KIMI_LOAD_TRACE": ""}

    assert option("places", 200, chosen) == 50
    assert option("rate", 4.0, chosen) == 2.5
    assert option("trace", "sample", chosen) == "sample"
    assert option("unset", 7, chosen) == 7


def test_an_option_that_is_no_number_is_named() -> None:
    with pytest.raises(UsageError, match="KIMI_LOAD_PLACES is 'many', not a number such as 200"):
        option("places", 200, {"KIMI_LOAD_PLACES": "many"})
