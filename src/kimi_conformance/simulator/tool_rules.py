"""What tools must not be: the rows that chats and caches share, and the choice of one."""

import re
from collections.abc import Iterator

from kimi_conformance.simulator.rules import Case, Fills, Rule, is_of, mistyped

__all__ = ["TOOL_CHOICE_RULES", "TOOL_RULES"]


def _too_many_tools(case: Case) -> Iterator[Fills]:
    limit = case.edition.limits.tools
    if len(case.tools) > limit:
        yield {"limit": limit, "count": len(case.tools)}


def _mistyped_tool(case: Case) -> Iterator[Fills]:
    for tool in case.tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(tool, dict):
            yield mistyped("tools", "[]object", tool)
        elif not is_of(function, "object"):
            yield mistyped("tools.function", "object", function)
        elif function and not is_of(function.get("parameters"), "object"):
            yield mistyped("tools.function.parameters", "object", function["parameters"])


def _unknown_tool_type(case: Case) -> Iterator[Fills]:
    for tool in case.tools:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in case.edition.limits.tool_types:
            yield {"kind": kind or ""}


def _bad_tool_name(case: Case) -> Iterator[Fills]:
    for tool in case.tools:
        if isinstance(tool, dict) and tool.get("type") != "builtin_function":
            function = tool.get("function")
            name = function.get("name") if isinstance(function, dict) else None
            if not (isinstance(name, str) and re.fullmatch(case.edition.limits.tool_name, name)):
                yield {}


def _unknown_tool_choice(case: Case) -> Iterator[Fills]:
    choice = case.body.get("tool_choice")
    if isinstance(choice, str) and choice not in case.edition.limits.tool_choices:
        yield {"choice": choice}


def _choice_of_nothing(case: Case) -> Iterator[Fills]:
    if case.body.get("tool_choice") == "required" and not case.tools:
        yield {"choice": "required"}


def _missing_tool_choice(case: Case) -> Iterator[Fills]:
    choice = case.body.get("tool_choice")
    if isinstance(choice, dict):
        function = choice.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        functions = [tool.get("function") for tool in case.tools if isinstance(tool, dict)]
        if name not in [each.get("name") for each in functions if isinstance(each, dict)]:
            yield {"name": name or ""}


TOOL_RULES = (
    Rule("tools_too_many", "tools_too_many", _too_many_tools, about="tools"),
    Rule("tool_type", "wrong_type", _mistyped_tool, about="tools"),
    Rule("tool_type_unknown", "tool_type_unknown", _unknown_tool_type, about="tools"),
    Rule("tool_name_invalid", "tool_name_invalid", _bad_tool_name, about="tools"),
)

TOOL_CHOICE_RULES = (
    Rule("tool_choice_unknown", "tool_choice_unknown", _unknown_tool_choice, about="tool_choice"),
    Rule(
        "tool_choice_without_tools",
        "tool_choice_without_tools",
        _choice_of_nothing,
        about="tool_choice",
    ),
    Rule("tool_choice_missing", "tool_choice_missing", _missing_tool_choice, about="tool_choice"),
)
