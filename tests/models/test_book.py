"""What is known of the models, and who says it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance import suite
from kimi_conformance.editions import Edition, Price
from kimi_conformance.errors import UsageError
from kimi_conformance.models import (
    API,
    OVERRIDE,
    Comparison,
    Gone,
    Known,
    ModelBook,
    OtherWindow,
    Overrides,
    book_of,
    compare,
    told_by_api,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def editions() -> dict[str, Edition]:
    return suite.find().editions()


@pytest.fixture(scope="module")
def old(editions: dict[str, Edition]) -> Edition:
    return editions["2025-09"]


@pytest.fixture(scope="module")
def new(editions: dict[str, Edition]) -> Edition:
    return editions["2026-09"]


def entries(edition: Edition, **windows: int) -> list[dict[str, Any]]:
    """The list of an API that serves an edition, some windows changed."""
    return [
        {"id": model.id, "context_length": windows.get(model.id, model.context_window)}
        for model in edition.models
    ]


def test_an_override_goes_before_the_api_and_the_api_before_the_edition(new: Edition) -> None:
    overrides = Overrides().set("kimi-k3", {"context_window": 1000})
    listed = [
        {"id": "kimi-k3", "context_length": 2000},
        {"id": "kimi-k2.6", "context_length": 3000},
    ]

    book = book_of(new, overrides=overrides, listed=listed)

    assert book["kimi-k3"].known["context_window"] == Known(1000, OVERRIDE)
    assert book["kimi-k2.6"].known["context_window"] == Known(3000, API)
    assert book["kimi-k3"].known["tools"] == Known(True, "edition 2026-09")


def test_a_model_that_is_gone_has_its_end_its_successor_and_what_was_known_of_it(
    old: Edition, new: Edition
) -> None:
    facts = book_of(new, [old])["moonshot-v1-8k"]

    assert not facts.offered
    assert (facts.retired, facts.successor) == ("2026-08-31", "kimi-k2.6")
    assert facts.known["context_window"] == Known(8192, "edition 2025-09")


def test_a_model_whose_end_a_later_edition_tells_is_offered_by_its_own(
    old: Edition, new: Edition
) -> None:
    facts = book_of(old, [old, new])["moonshot-v1-8k"]

    assert facts.offered
    assert facts.retired == "2026-08-31"


def test_a_model_that_only_the_api_has_is_in_the_book_with_what_the_api_tells(
    new: Edition,
) -> None:
    listed = [{"id": "kimi-k4", "context_length": 4096, "supports_image_in": True}]

    book = book_of(new, listed=listed)

    assert {name: known.value for name, known in book["kimi-k4"].known.items()} == {
        "context_window": 4096,
        "vision": True,
    }
    assert [facts.id for facts in book.models.values() if facts.offered] == ["kimi-k4"]


def test_a_model_that_no_edition_knows_is_offered_on_its_users_word(
    old: Edition, new: Edition
) -> None:
    said = {"tools": True}
    overrides = Overrides().set("own-model", said).set("kimi-k3", said)

    book = book_of(old, [new], overrides=overrides)

    assert book["own-model"].offered
    assert not book["kimi-k3"].offered


def test_a_model_is_found_by_id_and_by_handle(new: Edition) -> None:
    book = book_of(new)

    assert book["kimi/kimi-k3"] is book["kimi-k3"]
    assert book["kimi-k3"].handle == "kimi/kimi-k3"


def test_a_model_that_nobody_knows_gets_the_nearest_name(new: Edition) -> None:
    with pytest.raises(UsageError, match="Did you mean 'kimi-k3'"):
        book_of(new)["kimi-k33"]


def test_every_price_says_where_it_is_from(editions: dict[str, Edition]) -> None:
    for edition in editions.values():
        for facts in book_of(edition).models.values():
            assert (facts.price is None) == (facts.price_source is None)


def test_a_model_without_a_price_has_none(new: Edition) -> None:
    free = replace(new, models=tuple(replace(model, price=None) for model in new.models))

    assert book_of(free)["kimi-k3"].price is None


def test_half_a_price_is_none(new: Edition) -> None:
    free = replace(new, models=tuple(replace(model, price=None) for model in new.models))
    half = Overrides().set("kimi-k3", {"price_input": 1.0})

    assert book_of(free, overrides=half)["kimi-k3"].price is None
    assert Price(input=1, output=2, source="x").cached is None


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"context_window": 1048577}, "1048576 tokens by edition 2026-09, not of 1048577"),
        ({"max_tokens": 1048577}, "does not fit into the context window"),
        ({"context_window": 100, "max_tokens": 101}, "101 tokens does not fit"),
    ],
)
def test_what_cannot_be_true_is_refused(values: dict[str, int], told: str, new: Edition) -> None:
    with pytest.raises(UsageError) as refused:
        book_of(new)["kimi-k3"].verify(values)

    assert told in str(refused.value)


def test_a_window_up_to_the_known_one_can_be_true(new: Edition) -> None:
    book_of(new)["kimi-k3"].verify({"context_window": 1048576, "max_tokens": 1048576})


def test_the_edition_and_an_api_that_serves_it_are_equal(editions: dict[str, Edition]) -> None:
    for edition in editions.values():
        found = compare(book_of(edition, editions.values()), entries(edition))

        assert found == Comparison((), (), ())
        assert found.equal


def test_a_comparison_names_what_came_went_and_changed(old: Edition, new: Edition) -> None:
    book = book_of(new, [old], overrides=Overrides().set("kimi-k2.6", {"context_window": 100}))
    listed = [each for each in entries(new) if each["id"] != "kimi-k3"] + [{"id": "kimi-k4"}]

    found = compare(book, listed)

    assert found.added == ("kimi-k4",)
    assert found.gone == (Gone("kimi-k3", None, None),)
    assert found.windows == (OtherWindow("kimi-k2.6", 100, OVERRIDE, 262144),)
    assert not found.equal


def test_a_comparison_knows_who_was_retired_and_who_follows(old: Edition, new: Edition) -> None:
    found = compare(book_of(old, [new]), entries(new))

    assert Gone("kimi-latest", "2026-01-28", "kimi-k2.6") in found.gone
    assert found.added == tuple(model.id for model in new.models)


def test_a_window_that_the_api_does_not_tell_is_no_difference(new: Edition) -> None:
    listed = [{"id": model.id} for model in new.models]

    assert compare(book_of(new), listed).equal


@given(st.lists(JSON | st.fixed_dictionaries({"id": JSON, "context_length": JSON}), max_size=5))
def test_nothing_that_a_server_lists_breaks_the_book(listed: list[Any]) -> None:
    edition = suite.find().editions()["2026-09"]

    told = told_by_api(listed)
    book: ModelBook = book_of(edition, listed=listed)

    assert {facts.id for facts in book.models.values() if facts.offered} == set(told)
    assert all(facts["context_window"] > 0 for facts in told.values() if facts)


@pytest.mark.parametrize("id", ["", "a b", "[red]x[/red]", "x\x1b[31m", "ö", "x" * 300, 3, None])
def test_an_id_that_no_model_has_is_left_out(id: object) -> None:
    assert told_by_api([{"id": id}]) == {}
