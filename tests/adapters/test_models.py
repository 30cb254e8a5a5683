"""The model list: which entries are Kimi's, with which window, under which handle."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance import suite
from kimi_conformance.adapters.protocol import Binding
from kimi_conformance.adapters.reference import open_adapter
from kimi_conformance.adapters.reference.models import (
    WindowMismatch,
    configs_of,
    get_handle,
    retirement,
    table_configs,
    window_mismatches,
)
from kimi_conformance.adapters.reference.settings import KimiSettings
from kimi_conformance.adapters.reference.table import DOCUMENTED, table_of
from kimi_conformance.errors import UsageError

BASE = "https://api.example/v1"
SETTINGS = KimiSettings(base_url=BASE)
junk = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers(), max_size=2)
ids = st.text() | st.sampled_from(
    ["Kimi-K2", "my-kimi-x", "moonshot", "kimi", "moonshotai/kimi-k2", "gpt-4", "", " kimi-x"]
)
own_ids = st.sampled_from([*DOCUMENTED.windows, "kimi-", "kimi-k9/a", "moonshot-ü"])
entries = st.fixed_dictionaries(
    {}, optional={"id": ids | own_ids | junk, "context_length": junk, "extra": junk}
)
lists = st.lists(entries | junk)


def found(models: list[Any]) -> list[str]:
    return [config.id for config in configs_of(models, SETTINGS)]


@given(lists)
def test_the_filter_keeps_kimis_ids_in_order_and_nothing_else(models: list[Any]) -> None:
    named = [model["id"] for model in models if isinstance(model, dict) and "id" in model]

    kept = found(models)

    assert kept == [
        id for id in named if isinstance(id, str) and (id[:5] == "kimi-" or id[:9] == "moonshot-")
    ]
    assert found([{"id": id} for id in kept]) == kept


@pytest.mark.parametrize(
    "id",
    ["Kimi-K2", "KIMI-k2", "my-kimi-x", "xmoonshot-1", "moonshotai/kimi-k2", "moonshot", "kimi"],
)
def test_the_prefix_stands_at_the_start_in_small_letters(id: str) -> None:
    assert found([{"id": id}, {"id": "kimi-k3"}]) == ["kimi-k3"]


@given(lists, st.integers(min_value=0), entries.filter(lambda e: not found([e])) | junk)
def test_what_is_not_kimis_changes_nothing(models: list[Any], place: int, other: Any) -> None:
    place %= len(models) + 1

    assert found([*models[:place], other, *models[place:]]) == found(models)


@given(own_ids, st.integers(min_value=1))
def test_a_window_that_the_api_gives_wins(id: str, window: int) -> None:
    (config,) = configs_of([{"id": id, "context_length": window}], SETTINGS)

    assert config.context_window == window


@given(
    own_ids,
    st.sampled_from([None, 0, -1, True, False, "262144", 8192.0, float("nan"), [], {}])
    | st.integers(max_value=0)
    | st.text(),
)
def test_an_unusable_window_counts_as_not_given(id: str, window: object) -> None:
    unusable, absent = configs_of([{"id": id, "context_length": window}, {"id": id}], SETTINGS)

    assert unusable == absent
    assert absent.context_window == DOCUMENTED.windows.get(id, 8192)


def test_the_documented_models_stand_in_their_order_with_all_that_a_listed_one_has() -> None:
    configs = table_configs(SETTINGS)

    assert configs == configs_of([{"id": id} for id in DOCUMENTED.windows], SETTINGS)
    assert [(config.id, config.context_window) for config in configs] == [
        ("moonshot-v1-8k", 8192),
        ("moonshot-v1-32k", 32768),
        ("moonshot-v1-128k", 131072),
        ("kimi-k2-0905-preview", 262144),
        ("kimi-k2-0711-preview", 131072),
        ("kimi-k2-turbo-preview", 262144),
        ("kimi-thinking-preview", 131072),
        ("kimi-latest", 131072),
    ]
    assert {config.endpoint for config in configs} == {BASE}
    assert {(c.provider_name, c.provider_category) for c in configs} == {("kimi", "base")}


def test_windows_that_differ_from_the_documents_are_named() -> None:
    models = [
        {"id": "moonshot-v1-8k", "context_length": 8192},
        {"id": "kimi-latest", "context_length": 8192},
        {"id": "kimi-k3", "context_length": 1048576},
        {"id": "kimi-k2-0905-preview"},
    ]

    assert window_mismatches(models, SETTINGS) == (WindowMismatch("kimi-latest", 8192, 131072),)


@given(st.text().filter(lambda text: "/" not in text))
def test_a_handle_holds_the_id_unchanged(id: str) -> None:
    assert get_handle(id) == f"kimi/{id}"


@given(st.text())
def test_making_a_handle_twice_changes_nothing(id: str) -> None:
    assert get_handle(get_handle(id)) == get_handle(id)


@pytest.mark.parametrize("name", ["c", "a/c", "a/b/c", "kimi/c"])
def test_of_a_name_with_slashes_the_last_segment_counts(name: str) -> None:
    assert get_handle(name, is_embedding=True, base_name="other") == "kimi/c"


def test_the_table_of_the_first_edition_is_the_documented_one() -> None:
    assert table_of(suite.find().edition("2025-09")) == DOCUMENTED


def test_the_table_of_an_edition_knows_its_models_and_who_is_gone() -> None:
    table = table_of(suite.find().edition("2026-09"))
    newer = KimiSettings(base_url=BASE, table=table)

    assert [(each.id, each.context_window) for each in table_configs(newer)] == [
        ("kimi-k3", 1048576),
        ("kimi-k2.6", 262144),
        ("kimi-k2.7-code", 262144),
        ("kimi-k2.7-code-highspeed", 262144),
    ]
    assert set(DOCUMENTED.windows) <= set(table.successors)
    assert set(table.successors.values()) <= set(table.windows)
    assert retirement("kimi-latest", newer) == "The model kimi-latest is retired; use kimi-k2.6."
    assert retirement("kimi-k3", newer) == ""
    assert retirement("kimi-latest", SETTINGS) == ""


def test_an_adapter_ships_the_table_of_the_edition_that_it_is_opened_for() -> None:
    opened = {
        edition: open_adapter(Binding(base_url=BASE, edition=edition)).settings.table
        for edition in (None, "2025-09", "2026-09")
    }

    assert opened[None] == opened["2025-09"] == DOCUMENTED
    assert opened["2026-09"] == table_of(suite.find().edition("2026-09"))


def test_an_edition_that_there_is_not_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="no edition '2026-10'"):
        open_adapter(Binding(base_url=BASE, edition="2026-10"))
