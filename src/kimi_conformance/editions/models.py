"""
The models of an edition: those that are listed, those that are gone, and how they differ.

What is the same for a group of models stands in their family: how tool calls are named, which
sampling values are taken, how thinking is switched.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Family", "Model", "ModelItem", "Price", "RetiredModel", "Thinking"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in US dollars a million tokens; nothing on the wire tells it.

    Attributes:
        input: Of a prompt that the API has not read before.
        output: Of an answer, its reasoning included.
        source: Where the price stands, and when it was seen there.
        cached: Of a prompt, or the part of it, that the API has read before; None where there
            is no such price.
    """

    input: float
    output: float
    source: str
    cached: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that the API lists.

    Attributes:
        id: As in requests and in the list.
        context_window: Tokens that prompt and answer may have together.
        family: A key of `Edition.families`.
        max_tokens: Of an answer where the request does not say.
        vision: Whether it takes images.
        video: Whether it takes videos.
        tools: Whether it takes tools.
        dynamic_tools: Whether it also takes tools in a system message, for the turns after it.
        thinking: Whether it shows its reasoning.
        item: What its entry in the list has besides, by field.
        price: What it costs, or None: not known.
    """

    id: str
    context_window: int
    family: str
    max_tokens: int = 1024
    vision: bool = False
    video: bool = False
    tools: bool = True
    dynamic_tools: bool = False
    thinking: bool = False
    item: Mapping[str, Any] = field(default_factory=dict)
    price: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetiredModel:
    """A model that the API listed once; it is answered like one that never was.

    Attributes:
        id: As in requests.
        context_window: Tokens that prompt and answer could have together.
        retired: The last day, "2026-05-25", or the day after which it was gone.
        successor: The listed model that its users are sent to.
    """

    id: str
    context_window: int
    retired: str
    successor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """How the models of a family are told to think, and what goes with it.

    Attributes:
        types: What `thinking.type` may be; the first one is the default.
        efforts: What `reasoning_effort` may be; () where it is taken and not looked at.
        default_effort: Where a request names none, or "".
        forces_tools: Whether `tool_choice` may force a call while the model thinks.
        wants_reasoning: Whether an assistant's tool calls must come back with the
            `reasoning_content` that came with them.
    """

    types: tuple[str, ...]
    efforts: tuple[str, ...] = ()
    default_effort: str = ""
    forces_tools: bool = True
    wants_reasoning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a group of models has in common on the wire.

    Attributes:
        tool_call_id: With the fields {name} and {index}: "functions.{name}:{index}".
        tool_call_index: Over what {index} runs: "turn" begins anew in each answer,
            "conversation" goes on from the calls in the request's messages.
        fixed: Request fields that take one value only, with that value.
        fixed_at_rest: The values that differ from `fixed` while thinking is off.
        thinking: How thinking is switched, or None: it cannot be.
        preamble: Tokens that every prompt counts besides what was sent.
        overhead: Tokens that an answer counts besides its reasoning and what it says.
        call_piece: Characters of a tool call's arguments in a chunk of a stream; 0: all in one.
    """

    tool_call_id: str
    tool_call_index: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    fixed_at_rest: Mapping[str, Any] = field(default_factory=dict)
    thinking: Thinking | None = None
    preamble: int = 0
    overhead: int = 0
    call_piece: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelItem:
    """An entry of GET /v1/models.

    Attributes:
        fields: Its keys in their order on the wire; one that a model has no value of is left
            out of its entry.
        constants: The values that are the same for every model.
    """

    fields: tuple[str, ...]
    constants: Mapping[str, Any]
