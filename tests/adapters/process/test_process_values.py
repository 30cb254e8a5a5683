"""How values, errors and lines cross between processes."""

import inspect
import json
import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimi_conformance import suite
from kimi_conformance.adapters import protocol
from kimi_conformance.adapters.failures import failure_of
from kimi_conformance.adapters.process.answering import Bound
from kimi_conformance.adapters.process.lines import LineError, line_of, message_of, shown
from kimi_conformance.adapters.process.messages import problems, schema
from kimi_conformance.adapters.process.methods import METHODS, PROTOCOL, SESSION_METHODS
from kimi_conformance.adapters.process.shapes import ShapeError, shape_of
from kimi_conformance.adapters.process.thrown import described, rebuilt
from kimi_conformance.adapters.protocol import ChatRequest, ModelConfig, SystemClock
from kimi_conformance.adapters.reference import ErrorCode, LLMAuthenticationError, MissingKeyError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)


def there_and_back(value: Any, annotation: Any) -> Any:
    bound, shape = Bound(SystemClock()), shape_of(annotation)
    return shape.decode(json.loads(line_of({"x": shape.encode(value, bound)}))["x"], bound, "it")


# ---------------------------------------------------------------- values


@settings(max_examples=25)
@given(
    messages=st.lists(st.dictionaries(TEXT, JSON), max_size=3),
    options=st.dictionaries(TEXT, JSON, max_size=3),
    allowed=st.none() | st.lists(TEXT),
)
def test_a_request_comes_over_whole(messages: Any, options: Any, allowed: Any) -> None:
    request = ChatRequest(
        model="kimi-latest", messages=messages, options=options, allowed_tools=allowed
    )

    assert there_and_back(request, ChatRequest) == request


def test_collections_of_any_kind_come_over_as_lists_and_objects() -> None:
    request = ChatRequest(
        model="kimi-latest",
        messages=(MappingProxyType({"role": "user", "content": ({"type": "text"},)}),),
        allowed_tools=frozenset({"b", "a"}),
    )

    found = there_and_back(request, ChatRequest)

    assert found.messages == [{"role": "user", "content": [{"type": "text"}]}]
    assert sorted(found.allowed_tools) == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "it is null, not an array"),
        ({"id": "a"}, "it is an object, not an array"),
        (["a"], "it[0] is a string, not an object (ModelConfig)"),
        (
            [{"id": "a", "context_lenght": 1}],
            "it[0] has the unknown field 'context_lenght'. Did you",
        ),
        ([{"handle": "kimi/a"}], "it[0] lacks the field 'id'"),
    ],
)
def test_a_value_of_another_shape_is_refused(value: Any, text: str) -> None:
    models = shape_of(Collection[ModelConfig])

    with pytest.raises(ShapeError, match=re.escape(text)):
        models.decode(value, Bound(SystemClock()), "it")


@pytest.mark.parametrize("value", [None, True, "a", [], {}, {"tool": "1"}, {"tool": 7}])
def test_what_names_no_object_is_refused(value: Any) -> None:
    tools = METHODS["chat_with_tools"].parameters["call_tool"]

    with pytest.raises(ShapeError, match="tool"):
        tools.decode(value, Bound(SystemClock()), "it")


def test_an_annotation_that_has_no_shape_is_an_error_of_ours() -> None:
    with pytest.raises(TypeError, match="no shape"):
        shape_of(bytes)


# ---------------------------------------------------------------- errors


class SlowConnectionError(TimeoutError, ConnectionError):
    """Both."""


def raised_from(cause: Exception) -> Exception:
    error = LLMAuthenticationError("refused", code=ErrorCode.UNAUTHENTICATED)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        KeyError("choices"),
        Exception(""),
        SlowConnectionError("too slow"),
        ConnectionResetError("reset by peer"),
        UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range"),
        MissingKeyError("No API key provided"),
        raised_from(ValueError("401")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_read_alike_on_both_sides(error: Exception) -> None:
    here = failure_of(error)

    there = failure_of(rebuilt(json.loads(json.dumps(described(error)))))

    read = ("kind", "is_llm_error", "status", "code", "message", "causes")
    assert {name: getattr(there, name) for name in read} == {
        name: getattr(here, name) for name in read
    }


@pytest.mark.parametrize("kind", [KeyError, TimeoutError, ConnectionResetError, ValueError])
def test_an_error_that_python_knows_is_one_of_those(kind: type[Exception]) -> None:
    assert isinstance(rebuilt(described(kind("x"))), kind)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("it failed", "an error is an object"),
        ({"classes": ["A"]}, "an error has a 'text'"),
        ({"text": "x"}, "the 'classes' of an error are 1 to 20 names"),
        ({"text": "x", "classes": []}, "the 'classes' of an error are 1 to 20 names"),
        ({"text": "x", "classes": ["a b"]}, "the 'classes' of an error are 1 to 20 names"),
        ({"text": "x", "classes": ["A"] * 21}, "the 'classes' of an error are 1 to 20 names"),
        ({"text": "x", "classes": ["A"], "causes": "y"}, "the 'causes' of an error are texts"),
    ],
)
def test_what_describes_no_error_is_refused(value: Any, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        rebuilt(value)


# ---------------------------------------------------------------- lines


@settings(max_examples=25)
@given(st.dictionaries(TEXT, JSON, max_size=3))
def test_a_message_is_one_line(message: Mapping[str, Any]) -> None:
    line = line_of(message)

    assert line.count(b"\n") == 1
    assert message_of(line) == message


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"Welcome!", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"\xff\xfe{}", "no JSON"),
        (b"[]", "no JSON object"),
    ],
)
def test_a_line_that_is_no_message_is_refused(line: bytes, text: str) -> None:
    with pytest.raises(LineError, match=f"{text}$"):
        message_of(line)


def test_a_number_that_json_has_no_word_for_is_not_sent() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        line_of({"x": float("nan")})


def test_what_came_from_outside_is_shown_short_harmless_and_without_secrets() -> None:
    text = shown(
        f"\x1b[2J\u202e Bearer abcdefghijkl sk-0123456789 my-own-key {'x' * 999}", {"my-own-key"}
    )

    assert text.startswith("<U+001B>[2J<U+202E> Bearer [redacted] [redacted] [redacted] xxx")
    assert text.endswith("x …")
    assert len(text) < 210


def test_what_can_be_seen_is_shown_as_it_is() -> None:
    assert shown("köln 你好 ＡＢ 😀") == "köln 你好 ＡＢ 😀"
    assert shown("\ud800\x00\u2028\xa0") == "<U+D800><U+0000><U+2028><U+00A0>"


# ---------------------------------------------------------------- the schema


def test_every_capability_with_methods_has_them_in_the_protocol() -> None:
    interfaces = [
        member
        for name, member in vars(protocol).items()
        if inspect.isclass(member) and (member.__doc__ or "").startswith("Capability `")
    ]
    methods = {
        name for interface in interfaces for name in vars(interface) if not name.startswith("_")
    }

    assert methods == METHODS.keys()
    assert {method.capability for method in METHODS.values()} <= protocol.CAPABILITIES.keys()
    assert {
        f"`{m.capability}`" in str(i.__doc__)
        for i in interfaces
        for m in METHODS.values()
        if m.name in vars(i)
    } == {True}


def test_the_schema_is_the_one_in_the_suite() -> None:
    file = suite.find().conformance / "protocol" / "adapter.schema.json"

    assert json.loads(file.read_text("utf-8")) == schema(), (
        "Write it anew: kimi-conformance adapters schema > conformance/protocol/adapter.schema.json"
    )
    assert PROTOCOL in schema()["title"]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_its_references_are_uris() -> None:
    references = re.findall(r'"\$ref": "([^"]*)"', json.dumps(schema()))

    assert "#/$defs/to%20the%20process" in references
    assert [each for each in references if not re.fullmatch(r"[\w#/$%.-]+", each)] == []


MODEL = {"id": "a", "context_window": 8192}
VALUES = [
    ("list_models answered", [MODEL]),
    ("list_models answered", [{**MODEL, "context_window": "8192"}]),
    ("list_models answered", [{**MODEL, "context_window": True}]),
    ("list_models answered", [{"handle": "kimi/a"}]),
    ("list_models answered", [{**MODEL, "size": 1}]),
    ("list_models answered", None),
    ("stream answered", {"at": 1, "body": {}}),
    ("stream answered", {"body": {}}),
    ("session answered", {"session": 1}),
    ("session answered", {"tool": 1}),
    ("current_model answered", None),
    ("Error", {"classes": ["A"], "text": "x"}),
    ("Error", {"classes": [], "text": "x"}),
    ("Error", {"classes": ["A"] * 21, "text": "x"}),
    ("Error", {"classes": ["a b"], "text": "x"}),
    ("from the process", {"id": 1, "result": None}),
    ("from the process", {"id": "1", "result": None}),
    ("from the process", {"ask": 1, "client": 1, "method": "clock.now"}),
    ("from the process", {"ask": 1, "client": 1, "method": "clock.past", "params": {}}),
    ("to the process", {"cancel": 1}),
    ("to the process", {"id": 1, "method": "go_home", "client": 1, "params": {}}),
]


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_our_reading_of_the_schema_is_that_of_others(name: str, value: Any) -> None:
    rules = {**schema(), "$ref": f"#/$defs/{name}"}
    rules.pop("anyOf")

    others = list(jsonschema.Draft202012Validator(rules).iter_errors(value))

    assert bool(problems(name, value)) == bool(others)


def test_an_object_with_an_unknown_name_in_it_is_found_by_name() -> None:
    assert problems("list_models answered", [{**MODEL, "size": 1}]) == [
        "it[0] has 'size', which is none of its parts"
    ]


def test_a_session_has_the_methods_of_its_protocol() -> None:
    assert SESSION_METHODS.keys() == {"session.cache_id", "session.chat"}
