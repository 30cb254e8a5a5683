"""What a chat request must not be, row by row."""

from collections.abc import Iterator, Mapping
from typing import Any

from kimi_conformance.simulator.images import sniffed
from kimi_conformance.simulator.message_rules import MESSAGE_RULES
from kimi_conformance.simulator.rules import (
    Case,
    Fills,
    Rule,
    RuleTable,
    is_number,
    is_of,
    mistyped,
    typed,
)
from kimi_conformance.simulator.schema_rules import SCHEMA_RULES
from kimi_conformance.simulator.thinking_rules import THINKING_RULES
from kimi_conformance.simulator.tool_rules import TOOL_CHOICE_RULES, TOOL_RULES

__all__ = ["CHAT_RULES", "ESTIMATE_RULES"]

_FILE = "ms://"  # how a message begins to refer to an uploaded file


def _unknown_model(case: Case) -> Iterator[Fills]:
    if case.model is None:
        yield {"model": case.body.get("model") or ""}


def _parts(case: Case) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    for position, message in case.placed:
        content = message.get("content")
        if isinstance(content, list):
            for part in content:
                if isinstance(part, dict):
                    yield position, message, part


def _wrong_part(case: Case) -> Iterator[Fills]:
    model = case.model
    seen = {"image_url": model.vision, "video_url": model.video} if model else {}
    allowed = ["text", *(part for part, sees in seen.items() if sees)]
    for position, message, part in _parts(case):
        if part.get("type") not in allowed:
            yield {"position": position, "role": message.get("role"), "part": part.get("type", "")}


def _foreign_image(case: Case) -> Iterator[Fills]:
    for position, _, part in _parts(case):
        if part.get("type") == "image_url":
            image = part.get("image_url")
            url = image.get("url") if isinstance(image, dict) else image
            if not (isinstance(url, str) and url.startswith(("data:", _FILE))):
                yield {"position": position}


def _missing_file(case: Case) -> Iterator[Fills]:
    """What is referred to by ms://<id> was uploaded before."""
    if case.files is None:
        return
    for _, _, part in _parts(case):
        kind = part.get("type")
        shown = part.get(kind) if kind in ("image_url", "video_url") else None
        url = shown.get("url") if isinstance(shown, dict) else shown
        if isinstance(url, str) and url.startswith(_FILE) and url[len(_FILE) :] not in case.files:
            yield {"id": url[len(_FILE) :]}


def _unknown_image(case: Case) -> Iterator[Fills]:
    """The type of an image is told by its bytes, whatever its address says."""
    for _, _, part in _parts(case):
        if part.get("type") == "image_url":
            image = part.get("image_url")
            url = image.get("url") if isinstance(image, dict) else image
            if isinstance(url, str) and url.startswith("data:"):
                kind = sniffed(url)
                if not kind.startswith("image/"):
                    yield {"format": kind}


def _logit_bias(case: Case) -> Iterator[Fills]:
    if case.body.get("logit_bias") is not None:
        yield {}


def _top_without_logprobs(case: Case) -> Iterator[Fills]:
    if case.body.get("top_logprobs") is not None and case.body.get("logprobs") is not True:
        yield {}


def _mistyped_length(case: Case) -> Iterator[Fills]:
    """Of the fields that bound an answer, those that came after max_tokens."""
    for field in case.edition.reply.length_fields:
        if field != "max_tokens" and not is_of(case.body.get(field), "int"):
            yield mistyped(field, "int", case.body[field])


def _ranged(field: str) -> Rule:
    def find(case: Case) -> Iterator[Fills]:
        value = case.body.get(field)
        bounds = case.edition.limits.ranges.get(field)
        if bounds and is_number(value) and not bounds[0] <= value <= bounds[1]:
            yield {"field": field, "low": bounds[0], "high": bounds[1]}

    return Rule(f"{field}_range", "out_of_range", find, about=field)


def _several_greedy(case: Case) -> Iterator[Fills]:
    """More than one answer at a temperature near 0; where none is given, it is let pass."""
    n, temperature = case.body.get("n"), case.body.get("temperature")
    if (
        type(n) is int
        and n > 1
        and is_number(temperature)
        and temperature < case.edition.limits.greedy_below
    ):
        yield {}


def _too_many_stops(case: Case) -> Iterator[Fills]:
    stop, limit = case.body.get("stop"), case.edition.limits.stops
    if isinstance(stop, list) and len(stop) > limit:
        yield {"limit": limit, "count": len(stop)}


def _too_long_stop(case: Case) -> Iterator[Fills]:
    stop, limit = case.body.get("stop"), case.edition.limits.stop_bytes
    for each in stop if isinstance(stop, list) else [stop]:
        if isinstance(each, str) and len(each.encode("utf-8", "surrogatepass")) > limit:
            yield {"limit": limit}


def _no_length(case: Case) -> Iterator[Fills]:
    for field in case.edition.reply.length_fields:
        value = case.body.get(field)
        if type(value) is int and value < 1:
            yield {"field": field}


def _above_window(case: Case) -> Iterator[Fills]:
    """Prompt and requested answer together, or a prompt that leaves room for no token."""
    model = case.model
    if model is None:
        return
    requested = case.prompt + (case.asked.max_tokens or 1)
    if requested > model.context_window:
        yield {"limit": model.context_window, "requested": requested}


def _unknown_format(case: Case) -> Iterator[Fills]:
    form = case.body.get("response_format")
    if isinstance(form, dict) and form.get("type") not in case.edition.limits.response_formats:
        yield {"format": form.get("type", "")}


def _unsupported_tools(case: Case) -> Iterator[Fills]:
    if case.tools and case.model is not None and not case.model.tools:
        yield {"model": case.model.id}


CHAT_RULES = RuleTable(
    (
        typed("model", "string"),
        Rule("model_not_found", "model_not_found", _unknown_model),
        typed("messages", "[]object"),
        typed("temperature", "float"),
        typed("top_p", "float"),
        typed("n", "int"),
        typed("max_tokens", "int"),
        Rule("length_mistyped", "wrong_type", _mistyped_length),
        typed("presence_penalty", "float"),
        typed("frequency_penalty", "float"),
        typed("stream", "bool"),
        typed("stream_options", "object"),
        typed("stop", "string or []string"),
        typed("tools", "[]object"),
        typed("tool_choice", "string or object"),
        typed("response_format", "object"),
        *MESSAGE_RULES,
        Rule("part_type", "part_type", _wrong_part),
        Rule("image_url", "image_url", _foreign_image),
        Rule("image_format", "image_format", _unknown_image),
        Rule("file_reference", "file_reference", _missing_file),
        *THINKING_RULES,
        Rule("logit_bias", "logit_bias", _logit_bias, about="logit_bias"),
        Rule("top_logprobs", "top_logprobs", _top_without_logprobs, about="top_logprobs"),
        _ranged("temperature"),
        _ranged("top_p"),
        _ranged("n"),
        _ranged("presence_penalty"),
        _ranged("frequency_penalty"),
        Rule("n_with_greedy", "n_with_greedy", _several_greedy, about="n"),
        Rule("stop_too_many", "stop_too_many", _too_many_stops, about="stop"),
        Rule("stop_too_long", "stop_too_long", _too_long_stop, about="stop"),
        Rule("max_tokens_not_positive", "not_positive", _no_length),
        Rule(
            "response_format_unknown",
            "response_format_unknown",
            _unknown_format,
            about="response_format",
        ),
        Rule("tools_unsupported", "tools_unsupported", _unsupported_tools, about="tools"),
        *TOOL_RULES,
        *TOOL_CHOICE_RULES,
        *SCHEMA_RULES,
        Rule("token_limit", "token_limit", _above_window),
    )
)

ESTIMATE_RULES = RuleTable((*CHAT_RULES[:3], *MESSAGE_RULES))
