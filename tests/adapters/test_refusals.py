"""Answers that refuse, and the errors they stand for."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kimi_conformance.adapters.failures import failure_of
from kimi_conformance.adapters.reference import LLMError
from kimi_conformance.adapters.reference.effects import Answer
from kimi_conformance.adapters.reference.refusals import quoted, reading
from kimi_conformance.http import httpx

KEY = "sk-0123456789abcdef"


def answer(status: int, body: object = None, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=httpx.Headers(headers), body=data)


def refused(status: int, body: object = None, **headers: str) -> LLMError:
    with pytest.raises(LLMError) as caught:
        reading(answer(status, body, **headers), KEY)
    return caught.value


def envelope(type: str, message: str = "no") -> dict[str, object]:
    return {"error": {"message": message, "type": type}}


@pytest.mark.parametrize(
    ("status", "type", "message", "kind", "code"),
    [
        (400, "invalid_request_error", "Invalid request: x", "bad_request", "INVALID_ARGUMENT"),
        (400, "content_filter", "high risk", "bad_request", "INVALID_ARGUMENT"),
        (
            400,
            "invalid_request_error",
            "Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)",
            "context_window",
            "CONTEXT_WINDOW_EXCEEDED",
        ),
        (
            400,
            "invalid_request_error",
            "model max length exceeded, max length:8192",
            "context_window",
            "CONTEXT_WINDOW_EXCEEDED",
        ),
        (
            400,
            "invalid_request_error",
            "Input token length too long",
            "context_window",
            "CONTEXT_WINDOW_EXCEEDED",
        ),
        (401, "invalid_authentication_error", "", "authentication", "UNAUTHENTICATED"),
        (401, "incorrect_api_key_error", "", "authentication", "UNAUTHENTICATED"),
        (401, "rate_limit_reached_error", "", "authentication", "UNAUTHENTICATED"),
        (403, "permission_denied_error", "", "permission", "PERMISSION_DENIED"),
        (403, "exceeded_current_quota_error", "", "quota", "QUOTA_EXCEEDED"),
        (404, "resource_not_found_error", "", "not_found", "NOT_FOUND"),
        (429, "rate_limit_reached_error", "", "rate_limit", "RATE_LIMIT_EXCEEDED"),
        (429, "engine_overloaded_error", "", "rate_limit", "RATE_LIMIT_EXCEEDED"),
        (429, "exceeded_current_quota_error", "", "quota", "QUOTA_EXCEEDED"),
        (500, "server_error", "", "server", "INTERNAL_SERVER_ERROR"),
        (503, "server_unavailable", "", "server", "INTERNAL_SERVER_ERROR"),
        (200, "rate_limit_reached_error", "", "rate_limit", "RATE_LIMIT_EXCEEDED"),
        (200, "invalid_authentication_error", "", "authentication", "UNAUTHENTICATED"),
        (418, "teapot", "", "other", "None"),
    ],
)
def test_status_type_and_text_decide_the_class(
    status: int, type: str, message: str, kind: str, code: str
) -> None:
    error = refused(status, envelope(type, message))

    failure = failure_of(error)
    assert (failure.kind, str(failure.code), failure.status) == (kind, code, status)
    assert failure.is_llm_error
    assert type in failure.message


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": {"message": "plain", "type": "t"}}, "500 t: plain"),
        ({"error": {"error": {"message": "nested", "type": "t"}}}, "500 t: nested"),
        ({"error": "url.not_found", "message": "没找到对象"}, "500 url.not_found: 没找到对象"),
        ({"message": "bare"}, "500: bare"),
        ({"error": {"code": 7}}, '500: {"code": 7}'),
        (["a"], '500: ["a"]'),
        (b"", "500: no reason given"),
        (b"null", "500: no reason given"),
        (b"out of   order\n", "500: out of order"),
        (b"<html><title>\n504 Gateway\n</title><p>x</html>", "500: 504 Gateway"),
        (b"\xff\xfe", "500: "),
        (b"[" * 100_000, "500: [[["),
    ],
)
def test_the_reason_is_found_however_it_is_wrapped(body: object, text: str) -> None:
    assert f"HTTP error: {text}" in str(refused(500, body))


@pytest.mark.parametrize(
    ("status", "type", "name"),
    [
        (404, "resource_not_found_error", "LLMModelRetiredError"),
        (200, "resource_not_found_error", "LLMModelRetiredError"),
        (404, "url.not_found", "LLMNotFoundError"),
        (403, "resource_not_found_error", "LLMPermissionDeniedError"),
        (401, "invalid_authentication_error", "LLMAuthenticationError"),
    ],
)
def test_only_what_is_not_found_is_put_down_to_a_retirement(
    status: int, type: str, name: str
) -> None:
    with pytest.raises(LLMError) as caught:
        reading(answer(status, envelope(type)), KEY, "The model a is retired; use b.")

    error = caught.value
    assert error.__class__.__name__ == name
    assert error.message.endswith("no. The model a is retired; use b.") == ("Retired" in name)
    assert error.status == status


def test_a_redirection_is_told_and_not_followed() -> None:
    error = refused(307, b"", location="https://elsewhere.example/v1")

    assert "redirected to https://elsewhere.example/v1, not followed" in str(error)


def test_an_answer_with_choices_is_granted_whatever_else_it_says() -> None:
    body = {"error": {"message": "a warning"}, "choices": [{"index": 0}]}

    assert reading(answer(200, body), KEY) == body


@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"a":', b"[" * 100_000, b"\xff"])
def test_a_grant_that_is_no_json_is_an_error(body: bytes) -> None:
    assert "no JSON" in str(refused(200, body))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["error"]), inner),
    max_leaves=6,
)


@given(
    st.integers(300, 599),
    st.binary()
    | values.map(lambda value: json.dumps(value).encode())
    | st.builds(envelope, st.text(), st.text()).map(lambda value: json.dumps(value).encode()),
)
def test_every_refusal_is_one_printable_line(status: int, body: bytes) -> None:
    error = refused(status, body)

    assert failure_of(error).status == status
    assert str(error).isprintable()
    assert len(str(error)) < 1000


@given(st.text(), st.text(), st.sampled_from(["", "\0", "\n", "\u202e", " "]), st.integers(1, 18))
@example("x" * 295, "", "", 1)
def test_the_key_is_never_quoted(before: str, after: str, between: str, place: int) -> None:
    echoed = KEY[:place] + between + KEY[place:]

    line = quoted(f"{before}{echoed}{after}", KEY)

    assert KEY not in "".join(line.split())
    assert len(line) <= 300
