"""Editions are read strictly, and the ones we ship say what the documents say."""

from pathlib import Path

import pytest

from kimi_conformance.editions import Edition, detect, parse
from kimi_conformance.errors import UsageError

FILES = sorted((Path(__file__).parents[1] / "conformance" / "editions").glob("*.toml"))
TEXT = (FILES[0].parent / "2025-09.toml").read_text("utf-8")


@pytest.fixture(scope="module")
def edition() -> Edition:
    return parse("2025-09", TEXT)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_edition_that_is_shipped_can_be_read(file: Path) -> None:
    edition = parse(file.stem, file.read_text("utf-8"))

    assert edition.name == file.stem
    assert edition.find(edition.default_model) is not None


def test_the_documented_table_has_eight_models_in_its_order(edition: Edition) -> None:
    table = [(id, edition.window(id)) for id in edition.documented_models]

    assert table == [
        ("moonshot-v1-8k", 8192),
        ("moonshot-v1-32k", 32768),
        ("moonshot-v1-128k", 131072),
        ("kimi-k2-0905-preview", 262144),
        ("kimi-k2-0711-preview", 131072),
        ("kimi-k2-turbo-preview", 262144),
        ("kimi-thinking-preview", 131072),
        ("kimi-latest", 131072),
    ]


def test_the_first_edition_asks_the_smallest_model(edition: Edition) -> None:
    assert edition.default_model == "moonshot-v1-8k"


def test_a_model_that_is_not_listed_is_named_with_the_nearest(edition: Edition) -> None:
    with pytest.raises(UsageError, match="Did you mean 'moonshot-v1-8k'"):
        edition.model("moonshot-v1-8")

    assert edition.find("moonshot-v1-8") is None


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("default_model", "defualt_model", "unknown key 'defualt_model'. Did you mean"),
        ('default_model = "moonshot-v1-8k"', "", "lacks the key 'default_model'"),
        ('default_model = "moonshot-v1-8k"', "default_model = 8", "is 8, not a text"),
        ('default_model = "moonshot-v1-8k"', 'default_model = "gone"', "'gone' is none of those"),
        ("context_window = 8192", 'context_window = "8192"', "not a whole number"),
        ("context_window = 8192", "context_window = -1", "not a whole number"),
        ("context_window = 8192", "context_window = true", "not a whole number"),
        ("vision = true", "vision = 1", "not true or false"),
        ('family = "k2"', 'family = "k3"', "the family of kimi-k2-0905-preview: 'k3'"),
        ('id = "kimi-latest"', 'id = "moonshot-v1-8k"', "lists the model moonshot-v1-8k twice"),
        ("retired = []", 'retired = ["kimi-latest"]', "is 'kimi-latest', not a table"),
        ("retired = []", "retired = 7", "is 7, not a list of tables"),
        ("temperature = [0, 1]", "temperature = [1, 0]", "its end is below"),
        ("temperature = [0, 1]", "temperature = [1]", "not a pair of numbers"),
        ("greedy_below = 0.001", 'greedy_below = "low"', "not a number"),
        ('id = "objectid"', 'id = "snowflake"', "'snowflake' is none of those allowed"),
        ('tool_call_index = "turn"', 'tool_call_index = "day"', "'day' is none"),
        ('tool_call_id = "{name}', 'tool_call_id = "{name', "is no template"),
        ('evidence = "recorded"', 'evidence = "rumour"', "'rumour' is none"),
        ("status = 401", "status = 200", "not between 400 and 599"),
        ("{2,63}$", "{2,63$[", "limits.tool_name is no pattern"),
        ("{0,127}$", "{0,127$[", "caching.tag is no pattern"),
        ("[headers]", "[header", "is not TOML"),
        ('length_fields = ["max_tokens"]', 'length_fields = "max_tokens"', "not a list of texts"),
        (
            'moonshot-v1 = ["moonshot-v1-8k"',
            'moonshot-v1 = ["gone"',
            "caching.families.moonshot-v1",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(was: str, becomes: str, says: str) -> None:
    assert was in TEXT

    with pytest.raises(UsageError) as refused:
        parse("2025-09", TEXT.replace(was, becomes, 1))

    assert "editions/2025-09.toml" in str(refused.value)
    assert says in str(refused.value)


def test_models_must_be_tables() -> None:
    with pytest.raises(UsageError, match="models is 3, not a list of tables"):
        parse("x", "models = 3\n")


def test_an_edition_without_caching_has_none(edition: Edition) -> None:
    start, end = (
        TEXT.index("[caching]"),
        TEXT.index(
            "# ---------------------------------------------------------------- errors: access"
        ),
    )

    without = parse("x", TEXT[:start] + TEXT[end:])

    assert without.caching is None
    assert edition.caching is not None


def test_an_endpoint_is_recognised_by_most_of_its_models(edition: Edition) -> None:
    newer = parse("2026-09", TEXT.replace("kimi-k2-0905-preview", "kimi-k3"))

    assert detect(["kimi-k2-0905-preview", "kimi-latest"], [edition, newer]) is edition
    assert detect(["kimi-k3", "kimi-latest"], [edition, newer]) is newer


def test_of_two_that_fit_equally_the_newer_is_taken(edition: Edition) -> None:
    newer = parse("2026-09", TEXT)

    assert detect(["kimi-latest", "gpt-4"], [newer, edition]) is newer


def test_foreign_models_are_of_no_edition(edition: Edition) -> None:
    with pytest.raises(UsageError, match=r"No edition lists any .*\(gpt-4\).*2025-09"):
        detect(["gpt-4"], [edition])
    with pytest.raises(UsageError, match=r"\(none\)"):
        detect([], [])


# ---------------------------------------------------------------- models that came and went

LATER = (FILES[0].parent / "2026-09.toml").read_text("utf-8")


def test_what_an_edition_listed_and_the_next_does_not_is_retired_there(edition: Edition) -> None:
    later = parse("2026-09", LATER)

    gone = {model.id for model in edition.models} - {model.id for model in later.models}

    assert gone <= {model.id for model in later.retired}
    assert {id: later.known_windows()[id] for id in gone} == {id: edition.window(id) for id in gone}


def test_a_retired_model_has_a_successor_and_others_have_none() -> None:
    later = parse("2026-09", LATER)

    assert later.find("kimi-latest") is None
    assert later.successor("kimi-latest") == "kimi-k2.6"
    assert later.successor("kimi-k2.6") is None
    assert later.successor("gpt-4") is None


def test_every_known_model_has_a_window(edition: Edition) -> None:
    later = parse("2026-09", LATER)

    assert later.known_windows()["kimi-k3"] == 1_048_576
    assert edition.known_windows() == {model.id: model.context_window for model in edition.models}


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ('id = "kimi-latest"', 'id = "kimi-k3"', "lists the model kimi-k3 and calls it retired"),
        ('successor = "kimi-k2.6"', 'successor = "kimi-k2.7"', "the successor of kimi-thinking-"),
        ('retired = "2025-11-11"', 'retired = "November 2025"', "not a day such as 2026-05-25"),
        ('"supports_video_in",', '"supports_sound_in",', "item.fields: 'supports_sound_in'"),
        ('types = ["enabled", "disabled"]', "types = []", "k2.6.thinking.types is empty"),
        ('types = ["enabled", "disabled"]', 'types = ["on"]', "thinking.types: 'on' is none"),
        ('default_effort = "max"\n', 'default_effort = "most"\n', "default_effort: 'most'"),
        ("block = 256", 'block = "256"', "prefix_cache, block is '256'"),
    ],
)
def test_a_wrong_fact_of_a_later_edition_is_refused(was: str, becomes: str, says: str) -> None:
    assert was in LATER

    with pytest.raises(UsageError) as refused:
        parse("2026-09", LATER.replace(was, becomes, 1))

    assert "editions/2026-09.toml" in str(refused.value)
    assert says in str(refused.value)
