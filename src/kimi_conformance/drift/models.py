"""Two lists of models: which came, which went, and whose window is another."""

from collections.abc import Iterator, Mapping

from kimi_conformance.drift.changes import Attribution, Kind, Seen

__all__ = ["compare_models"]

WHERE = "GET /v1/models: "
Windows = Mapping[str, int | None]


def compare_models(before: Windows, after: Windows, old: Windows, new: Windows) -> Iterator[Seen]:
    """The changes between two lists, each the context window by id; None: it is not told.

    Args:
        before: As recorded.
        after: As listed now.
        old: What the cassette's edition says.
        new: What the target's edition says.
    """
    for id in sorted(before.keys() | after.keys()):
        who = _who(id, after, old, new)
        if id not in after:
            yield Seen(
                kind=Kind.MODEL_RETIRED, where=WHERE + id, before="listed", after="gone",
                attribution=who, place="GET /v1/models",
            )  # fmt: skip
        elif id not in before:
            yield Seen(
                kind=Kind.MODEL_ADDED, where=WHERE + id, before="absent", after="listed",
                attribution=who, place="GET /v1/models",
            )  # fmt: skip
        elif before[id] != after[id] and None not in (before[id], after[id]):
            yield Seen(
                kind=Kind.WINDOW_CHANGED, where=WHERE + id, before=str(before[id]),
                after=str(after[id]), attribution=who, place="GET /v1/models",
            )  # fmt: skip


def _who(id: str, after: Windows, old: Windows, new: Windows) -> Attribution:
    def agrees(edition: Windows) -> bool:
        return (id in edition) == (id in after) and edition.get(id) == after.get(id)

    if agrees(old):
        return Attribution.CASSETTE_STALE
    return Attribution.DOCUMENT_CHANGED if agrees(new) else Attribution.PROVIDER_CHANGED
