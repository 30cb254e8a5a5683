"""A recording against two answers: what counts, of which class it is, and who changed."""

from dataclasses import replace
from typing import Any

import pytest

from kimi_conformance.drift import (
    Answers,
    Attribution,
    Dimension,
    Kind,
    Seen,
    Trait,
    compare,
    compare_models,
    grouped,
    observe,
)
from kimi_conformance.stage.replies import completion_body, json_reply, not_found, refusal
from kimi_conformance.wire.exchange import Answer, Request

ROUTE = "POST /v1/chat/completions"
BODY = completion_body()


def held(recorded: Answer, first: Answer, second: Answer | None = None, **more: Any) -> Answers:
    values: dict[str, Any] = {
        "place": "2026-09/endpoint/chat/x#1",
        "route": ROUTE,
        "recorded": observe(recorded),
        "first": observe(first),
        "second": observe(second or first),
    }
    return Answers(**{**values, **more})


def reply(**changes: Any) -> Answer:
    return json_reply({**BODY, **changes})


def said(*asked: Answers) -> list[tuple[str, str, str, str]]:
    return [
        (one.kind.value, one.where.removeprefix(f"{ROUTE}: "), one.before, one.after)
        for one in compare(asked)
    ]


def test_equal_answers_are_no_drift() -> None:
    assert said(held(reply(), reply())) == []


def test_a_new_field_is_additive_and_is_named_without_what_is_in_it() -> None:
    now = reply(extra={"deep": [{"er": 1}]})

    assert said(held(reply(), now)) == [("additive", "extra", "absent", "object")]


def test_a_field_that_is_gone_is_breaking() -> None:
    body = {key: value for key, value in BODY.items() if key != "id"}

    assert said(held(reply(), json_reply(body))) == [("breaking", "id", "string", "absent")]


def test_a_field_of_another_type_is_breaking() -> None:
    assert said(held(reply(), reply(created="now"))) == [
        ("breaking", "created", "number", "string")
    ]


def test_a_field_that_is_never_null_any_more_is_additive() -> None:
    before, now = reply(x=[None, 1]), reply(x=[1, 1])

    assert said(held(before, now)) == [("additive", "x[]", "null|number", "number")]


def test_another_word_is_breaking_and_one_more_is_additive() -> None:
    before = json_reply({"data": [{"status": "ok"}]})

    assert said(held(before, json_reply({"data": [{"status": "ready"}]}))) == [
        ("breaking", "value of data[].status", "ok", "ready")
    ]
    both = json_reply({"data": [{"status": "ok"}, {"status": "ready"}]})
    assert said(held(before, both)) == [("additive", "value of data[].status", "absent", "ready")]


def test_other_words_of_a_refusal_are_textual() -> None:
    before = refusal(400, "invalid_request_error", "no")

    assert said(held(before, refusal(400, "invalid_request_error", "never"))) == [
        ("textual", "error.message", "no", "never")
    ]


def test_another_type_of_refusal_is_breaking() -> None:
    before, now = refusal(400, "a_error", "no"), refusal(400, "b_error", "no")

    assert said(held(before, now)) == [("breaking", "status", "400 a_error: no", "400 b_error: no")]


def test_what_was_refused_and_is_taken_is_additive() -> None:
    assert said(held(refusal(400, "a_error", "no"), reply()))[0][0] == "additive"
    assert said(held(reply(), refusal(400, "a_error", "no")))[0][0] == "breaking"


def test_another_count_of_tokens_is_quantitative() -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}

    assert said(held(reply(), reply(usage=usage))) == [
        ("quantitative", "usage.prompt_tokens", "9", "11"),
        ("quantitative", "usage.total_tokens", "12", "14"),
    ]


def test_tokens_of_another_model_are_not_compared() -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}

    assert said(held(reply(), reply(usage=usage), same_model=False)) == []


def test_what_two_answers_do_not_agree_on_is_noise() -> None:
    assert said(held(reply(), reply(extra=1), reply())) == []


def test_noise_of_one_exchange_is_noise_of_its_route() -> None:
    noisy = held(reply(), reply(extra=1), reply())

    assert said(noisy, held(reply(), reply(extra=1))) == []
    elsewhere = replace(noisy, route="POST /v1/files")
    assert said(elsewhere, held(reply(), reply(extra=1))) != []


def test_a_status_that_flaps_is_no_drift() -> None:
    assert said(held(reply(), refusal(400, "a_error", "no"), reply())) == []


def test_one_answer_alone_tells_no_amounts() -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
    once = held(reply(), reply(usage=usage, extra=1), second=None)

    assert said(replace(once, second=None)) == [("additive", "extra", "absent", "number")]


def test_a_route_that_is_gone_is_named_once_by_its_family() -> None:
    request = Request(method="GET", path="/v1/caching/refs/tags")
    now = not_found(request)
    asked = [
        held(reply(), now, route="GET /v1/caching/refs/tags"),
        held(reply(), now, route="POST /v1/caching"),
    ]

    (change,) = grouped(compare(asked))

    assert (change.where, change.before, change.after) == ("/v1/caching: route", "served", "gone")
    assert change.seen == 2


def test_a_law_that_is_broken_is_named_where_nothing_else_tells_it() -> None:
    broken = held(reply(), reply(), laws=("USAGE-002",))

    assert said(broken) == [("breaking", "law USAGE-002", "kept", "broken")]


NOW = reply(extra=1)


@pytest.mark.parametrize(
    ("old", "new", "laws", "of_edition", "who"),
    [
        (reply(), reply(), (), (), Attribution.PROVIDER_CHANGED),
        (NOW, NOW, (), (), Attribution.CASSETTE_STALE),
        (reply(), NOW, (), (), Attribution.DOCUMENT_CHANGED),
        (reply(), NOW, ("CHAT-001",), ("CHAT-001",), Attribution.VALIDATOR_WRONG),
        (reply(), NOW, ("CHAT-001",), (), Attribution.DOCUMENT_CHANGED),
        (reply(), reply(), ("CHAT-001",), ("CHAT-001",), Attribution.PROVIDER_CHANGED),
    ],
)
def test_who_changed_is_told_by_the_editions_and_the_laws(
    old: Answer, new: Answer, laws: Any, of_edition: Any, who: Attribution
) -> None:
    asked = held(
        reply(), NOW, old=observe(old), new=observe(new), laws=laws, laws_of_edition=of_edition
    )

    assert [one.attribution for one in compare([asked])] == [who]


def test_without_an_edition_it_is_the_providers() -> None:
    assert [one.attribution for one in compare([held(reply(), NOW)])] == [
        Attribution.PROVIDER_CHANGED
    ]


def test_each_change_is_named_once_and_the_gravest_first() -> None:
    def seen(kind: Kind, place: str, **more: Any) -> Seen:
        return Seen(
            **{"kind": kind, "where": "w", "before": "a", "after": "b", "place": place, **more}
        )

    changes = grouped(
        [
            seen(Kind.ADDITIVE, "x"),
            seen(Kind.BREAKING, "z"),
            seen(Kind.BREAKING, "y", laws=("L",)),
            seen(Kind.QUANTITATIVE, "x", amount=True),
            seen(Kind.QUANTITATIVE, "y", amount=True, before="c"),
        ]
    )

    assert [(change.kind, change.seen) for change in changes] == [
        (Kind.BREAKING, 2),
        (Kind.QUANTITATIVE, 2),
        (Kind.ADDITIVE, 1),
    ]
    assert changes[0].places == ("y", "z")
    assert changes[0].laws == ("L",)


def test_models_come_go_and_change_their_windows() -> None:
    before = {"a": 8, "b": 8, "c": None}
    after = {"b": 16, "c": 4, "d": 1}

    found = {
        (one.kind, one.where.split()[-1]): one.attribution
        for one in compare_models(before, after, before, {"d": 1})
    }

    assert found == {
        (Kind.MODEL_RETIRED, "a"): Attribution.DOCUMENT_CHANGED,
        (Kind.WINDOW_CHANGED, "b"): Attribution.PROVIDER_CHANGED,
        (Kind.MODEL_ADDED, "d"): Attribution.DOCUMENT_CHANGED,
    }


def test_a_list_that_is_older_than_its_edition_is_stale() -> None:
    (one,) = compare_models({"a": 8}, {"a": 8, "b": 1}, {"a": 8, "b": 1}, {"a": 8, "b": 1})

    assert one.attribution is Attribution.CASSETTE_STALE


def test_traits_are_in_order() -> None:
    assert Trait(Dimension.FORM, "a") < Trait(Dimension.SHAPE, "a")


def counted(prompt: int, **more: Any) -> Answer:
    return reply(usage={**BODY["usage"], "prompt_tokens": prompt, **more})


def test_a_prompt_that_is_counted_otherwise_each_time_is_no_noise() -> None:
    both = held(counted(8), counted(9), counted(10), same_request=True)

    assert said(both) == [
        (
            "quantitative",
            "usage.prompt_tokens",
            "the same for the same request",
            "another each time",
        )
    ]


def test_prompts_of_two_requests_and_amounts_that_a_model_decides_may_vary() -> None:
    other = held(counted(8), counted(9), counted(10))
    longer = held(
        counted(8), counted(8, completion_tokens=5), counted(8, completion_tokens=7),
        same_request=True,
    )  # fmt: skip

    assert said(other) == said(longer) == []


WARM = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "cached_tokens": 8}
COLD = {name: count for name, count in WARM.items() if name != "cached_tokens"}


def test_a_prompt_that_was_read_before_is_no_drift() -> None:
    """The checks of a night ask what its look at drift asks again."""
    assert said(held(reply(usage=COLD), reply(usage=WARM))) == []


def test_a_count_of_cached_tokens_that_the_editions_differ_in_is_drift() -> None:
    old, new = observe(reply(usage=COLD)), observe(reply(usage=WARM))

    changes = said(held(reply(usage=COLD), reply(usage=WARM), old=old, new=new))

    assert changes == [("additive", "usage.cached_tokens", "absent", "number")]


FRESH = {"input_tokens": 9, "cache_read_input_tokens": 0, "output_tokens": 2}


@pytest.mark.parametrize(
    "now",
    [
        {**FRESH, "input_tokens": 1, "cache_read_input_tokens": 8},
        {**FRESH, "input_tokens": 1, "cache_creation_input_tokens": 8},
    ],
    ids=["read", "put there"],
)
def test_a_prompt_of_the_anthropic_face_that_was_cached_is_no_drift(now: dict[str, int]) -> None:
    before = {**FRESH, "cache_creation_input_tokens": 0}

    assert said(held(reply(usage=before), reply(usage={**before, **now}))) == []


@pytest.mark.parametrize(
    ("now", "changes"),
    [
        ({**FRESH, "input_tokens": 12}, [("quantitative", "usage.input_tokens", "9", "12")]),
        (
            {**FRESH, "input_tokens": 4, "cache_read_input_tokens": 8},
            [("quantitative", "usage.input_tokens", "9", "4")],
        ),
        (
            {name: count for name, count in FRESH.items() if name != "input_tokens"},
            [("breaking", "usage.input_tokens", "number", "absent")],
        ),
    ],
    ids=["longer", "longer and read before", "not counted"],
)
def test_a_prompt_of_the_anthropic_face_that_is_counted_otherwise_is_drift(
    now: dict[str, int], changes: list[tuple[str, str, str, str]]
) -> None:
    assert said(held(reply(usage=FRESH), reply(usage=now))) == changes


def test_items_of_a_list_that_was_empty_are_what_an_account_holds() -> None:
    nothing, files = ({"object": "list", "data": data} for data in ([], [{"id": "file-1"}]))

    assert said(held(json_reply(nothing), json_reply(files))) == []
    assert said(held(json_reply(files), json_reply(nothing))) == []


def test_a_count_of_cached_tokens_of_another_type_is_drift() -> None:
    changes = said(held(reply(usage=WARM), reply(usage={**WARM, "cached_tokens": "8"})))

    assert changes == [("breaking", "usage.cached_tokens", "number", "string")]
