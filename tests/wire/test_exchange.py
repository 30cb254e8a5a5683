"""Requests and answers as values: headers by any case, bodies joined, JSON decoded."""

import pytest

from kimi_conformance.wire import Answer, Broken, Ending, Frame, Request, header

HEADERS = (("Content-Type", "a"), ("content-type", "b"), ("X-Own", ""))


@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE"])
def test_the_first_header_of_a_name_counts_in_any_case(name: str) -> None:
    request = Request(method="GET", path="/", headers=HEADERS)

    assert header(HEADERS, name) == "a"
    assert request.header(name) == "a"
    assert Answer(headers=HEADERS).header(name) == "a"


def test_a_header_may_be_empty_or_absent() -> None:
    assert header(HEADERS, "x-own") == ""
    assert header(HEADERS, "x-other") is None
    assert Answer().header("x-own") is None


def test_a_body_is_its_frames_joined_and_decoded() -> None:
    answer = Answer(frames=(Frame(0.0, b'{"a"'), Frame(0.1, b": 1}")))

    assert answer.body == b'{"a": 1}'
    assert answer.json == {"a": 1}
    assert Request(method="POST", path="/", body=b"[1]").json == [1]


def test_what_is_no_json_cannot_be_decoded() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        _ = Answer().json


def test_what_broke_off_says_how() -> None:
    broken = Broken(Ending.RESET)

    assert broken.ending is Ending.RESET
    assert str(broken) == "reset"
