"""What a chat must not be with a model that thinks, and whose sampling values are fixed."""

from collections.abc import Iterator

from kimi_conformance.simulator.effort import asked_effort, type_of
from kimi_conformance.simulator.go_json import compact
from kimi_conformance.simulator.rules import Case, Fills, Rule, is_of, mistyped

__all__ = ["THINKING_RULES"]


def _mistyped(case: Case) -> Iterator[Fills]:
    """Where thinking cannot be switched, its fields are not looked at."""
    switched = case.family is not None and case.family.thinking is not None
    for field, expected in (("thinking", "object"), ("reasoning_effort", "string")):
        if switched and not is_of(case.body.get(field), expected):
            yield mistyped(field, expected, case.body[field])


def _unknown_type(case: Case) -> Iterator[Fills]:
    rules = case.family.thinking if case.family else None
    if rules is not None and type_of(case.body, rules.types[0]) not in rules.types:
        yield {"allowed": " or ".join(rules.types)}


def _unknown_effort(case: Case) -> Iterator[Fills]:
    rules = case.family.thinking if case.family else None
    effort = asked_effort(case.body)
    if rules is not None and rules.efforts and effort and effort not in rules.efforts:
        yield {"effort": effort}


def _other_than_fixed(case: Case) -> Iterator[Fills]:
    """A sampling value other than the only one there is; null is as good as absent."""
    family = case.family
    if family is None:
        return
    fixed = family.fixed if case.effort else {**family.fixed, **family.fixed_at_rest}
    for field, value in fixed.items():
        if case.body.get(field) not in (None, value):
            yield {"field": field, "value": compact(value)}


def _missing_reasoning(case: Case) -> Iterator[Fills]:
    """The assistant's tool calls must come back with what was thought; "" counts as missing."""
    rules = case.family.thinking if case.family else None
    if rules is None or not rules.wants_reasoning or case.effort == 0:
        return
    for position, message in case.placed:
        called = message.get("role") == "assistant" and message.get("tool_calls")
        if called and not message.get("reasoning_content"):
            yield {"position": position}


def _forced_call(case: Case) -> Iterator[Fills]:
    rules = case.family.thinking if case.family else None
    if rules is None or rules.forces_tools or case.effort == 0:
        return
    choice = case.body.get("tool_choice")
    if choice == "required" or isinstance(choice, dict):
        yield {"choice": "specified" if isinstance(choice, dict) else choice}


THINKING_RULES = (
    Rule("thinking_mistyped", "wrong_type", _mistyped),
    Rule("thinking_unknown", "thinking_type", _unknown_type, about="thinking"),
    Rule("effort_unknown", "effort_unknown", _unknown_effort),
    Rule("value_fixed", "value_fixed", _other_than_fixed),
    Rule("reasoning_missing", "reasoning_missing", _missing_reasoning),
    Rule("tool_choice_thinking", "tool_choice_thinking", _forced_call, about="tool_choice"),
)
