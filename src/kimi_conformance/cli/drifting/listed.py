"""Which models a target lists, and whom to ask in place of those that it does not."""

from collections.abc import Iterator, Mapping, Sequence

from kimi_conformance.cli.drifting.answered import MODELS
from kimi_conformance.cli.drifting.recordings import Recording
from kimi_conformance.cli.drifting.replaying import Session
from kimi_conformance.cli.drifting.target import Target
from kimi_conformance.drift import Seen, compare_models
from kimi_conformance.editions import Edition
from kimi_conformance.stage import Source
from kimi_conformance.wire.exchange import Answer, Exchange, Request
from kimi_conformance.wire.json_values import elements, members, parse_json

__all__ = ["listed_by", "models_changed", "substitutes"]


async def listed_by(source: Source, target: Target) -> Mapping[str, int | None]:
    """The context window of each listed model in tokens; None: it is not told.

    Raises:
        TransportError: Nobody answered.
        BudgetError: The budget does not cover it.
    """
    request = Request(
        method="GET", path=MODELS, headers=(("Authorization", f"Bearer {target.api_key}"),)
    )
    nothing = Exchange(id="", request=request, answer=Answer(), started=0.0, source="drift")
    session = Session(source=source, api_key=target.api_key, model_for={}, now=target.now)
    told = await session.ask(nothing)
    return _windows(told[1]) if told is not None else {}


def models_changed(
    recordings: Sequence[Recording], listed: Mapping[str, int | None], old: Edition, new: Edition
) -> Iterator[Seen]:
    """What the first recorded list of models says otherwise than the list of now."""
    for recording in recordings:
        for one in recording.exchanges:
            if one.request.path == MODELS and one.answer.status == 200:
                before = _windows(one.answer)
                yield from compare_models(before, listed, _of_edition(old), _of_edition(new))
                return


def substitutes(
    recordings: Sequence[Recording],
    listed: Mapping[str, int | None],
    old: Edition,
    target: Target,
) -> dict[str, str]:
    """Whom to ask in place of the models of the recordings that the target does not have."""
    asked = {
        members(parse_json(one.request.body)).get("model")
        for recording in recordings
        for one in recording.exchanges
    }
    known = {model.id for model in old.models}
    return {
        str(model): target.model
        for model in sorted(filter(None, asked), key=str)
        if model in known and model not in listed and listed
    }


def _windows(answer: Answer) -> dict[str, int | None]:
    entries = [members(one) for one in elements(members(parse_json(answer.body)).get("data"))]
    return {
        entry["id"]: window if isinstance(window := entry.get("context_length"), int) else None
        for entry in entries
        if isinstance(entry.get("id"), str)
    }


def _of_edition(edition: Edition) -> dict[str, int | None]:
    return {model.id: model.context_window for model in edition.models}
