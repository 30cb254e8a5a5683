"""
The catalogue: every sentence that must hold, where it comes from, and what is left out.

One TOML file a topic. `[[requirement]]` states what is checked, `[[excluded]]` what is not,
with the reason. Ids are never reused.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from kimi_conformance.errors import UsageError, nearest

__all__ = [
    "ENDPOINT_CAPABILITIES",
    "Catalogue",
    "Evidence",
    "Level",
    "Plane",
    "Requirement",
    "Sample",
]

ENDPOINT_CAPABILITIES: Mapping[str, str] = {
    "models": "lists the models that it serves",
    "moonshot": "is Moonshot's own gateway: its headers, its owner's name, its whole range",
    "balance": "tells the balance of an account",
    "token_estimate": "counts the tokens of a prompt without asking the model",
    "caching": "explicit context caching, /v1/caching",
    "files": "uploaded files, /v1/files",
    "batches": "batches of chats, /v1/batches",
    "formulas": "official tools, /v1/formulas, and the builtin web search",
    "anthropic": "the Anthropic face, /anthropic/v1/messages",
    "partial": "answers that go on from a given beginning",
    "structured_output": "answers in JSON, by response_format",
    "schema_rules": "refuses schemas that are not in Moonshot's flavour of JSON schema",
    "several_choices": "several choices in one answer, by n",
    "images": "pictures in a prompt",
    "tools": "calls of tools",
    "thinking": "shows what a model thought, and takes it back",
}
"""What an endpoint may offer or not, by the name that requirements use; chats are always."""


Word = TypeVar("Word", bound=StrEnum)


class Level(StrEnum):
    """How binding a requirement is (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Plane(StrEnum):
    """Which side of the wire is judged, or both at work: the service, under load."""

    ADAPTER = "adapter"
    ENDPOINT = "endpoint"
    SERVICE = "service"


class Evidence(StrEnum):
    """How we know that a requirement holds of the real API."""

    DOCUMENTED = "documented"
    RECORDED = "recorded"
    VENDOR_TEST = "vendor-test"
    DERIVED = "derived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """By how many trials a requirement is decided that holds of a share, not of each.

    Attributes:
        size: How many requests are sent unless a run says otherwise.
        at_least: The share, or the F1, that must be reached, 0.0 to 1.0.
    """

    size: int
    at_least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One sentence that must hold, or one that we decided not to check.

    Attributes:
        id: "SSE-004"; unique in the catalogue, never reused.
        topic: The name of the file it stands in: "streaming".
        level: How binding it is.
        plane: Which side of the wire it is about. On the service plane the objectives of load
            runs decide, and not checks.
        text: The sentence.
        source: Document and section, or recording.
        evidence: How we know, `len(evidence) >= 1`.
        editions: The editions of the API it holds in, `len(editions) >= 1`.
        capability: What a SUT must claim before this applies to it, or None: always.
        resolution: Where documents contradict each other: what decides, and why.
        excluded: Why it is not checked, or None: it is.
        sample: By how many trials it is decided, and what they must show; None: by each.
    """

    id: str
    topic: str
    level: Level
    plane: Plane
    text: str
    source: str
    evidence: tuple[Evidence, ...]
    editions: tuple[str, ...]
    capability: str | None = None
    resolution: str | None = None
    excluded: str | None = None
    sample: Sample | None = None


_REQUIRED = {
    "requirement": ("id", "level", "plane", "text", "source", "evidence", "editions"),
    "excluded": ("id", "text", "reason", "source"),
}
_OPTIONAL = {
    "requirement": ("capability", "resolution", "sample"),
    "excluded": ("level", "plane", "evidence", "editions", "capability", "resolution"),
}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All requirements by id, in the order of their files."""

    by_id: Mapping[str, Requirement]

    @classmethod
    def parse(cls, topics: Mapping[str, str], editions: tuple[str, ...]) -> "Catalogue":
        """Read the catalogue from the text of its files.

        Args:
            topics: The TOML text of each file by its topic.
            editions: The editions that exist.

        Raises:
            UsageError: A file is not TOML, an entry lacks a key or has an unknown one, a
                value is none of those allowed, or an id stands twice.
        """
        by_id: dict[str, Requirement] = {}
        for topic, text in topics.items():
            for requirement in _parse_topic(topic, text, editions):
                twin = by_id.setdefault(requirement.id, requirement)
                if twin is not requirement:
                    raise UsageError(
                        f"Requirement {requirement.id} stands in requirements/{twin.topic}.toml "
                        f"and again in requirements/{topic}.toml. Ids are never reused: give the "
                        "newer one an id of its own."
                    )
        return cls(by_id)

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)

    def __getitem__(self, id: str) -> Requirement:
        try:
            return self.by_id[id]
        except KeyError:
            raise UsageError(
                f"There is no requirement '{id}'. {nearest(id, self.by_id)} "
                "List them with: kimi-conformance requirements"
            ) from None


def _parse_topic(topic: str, text: str, editions: tuple[str, ...]) -> Iterator[Requirement]:
    where = f"requirements/{topic}.toml"
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML: {error}") from error
    for kind, entries in tables.items():
        if kind not in _REQUIRED:
            raise UsageError(f"{where} has a table [[{kind}]]. {nearest(kind, _REQUIRED)}")
        for number, entry in enumerate(entries, start=1):
            place = f"{where}, [[{kind}]] number {number} ({entry.get('id', 'no id')})"
            _check_keys(place, kind, entry)
            yield _requirement(place, topic, entry, editions)


def _check_keys(place: str, kind: str, entry: Mapping[str, Any]) -> None:
    missing = [key for key in _REQUIRED[kind] if not entry.get(key)]
    if missing:
        raise UsageError(f"{place} lacks {', '.join(missing)}.")
    known = _REQUIRED[kind] + _OPTIONAL[kind]
    for key in entry:
        if key not in known:
            raise UsageError(f"{place} has an unknown key '{key}'. {nearest(key, known)}")


def _requirement(
    place: str, topic: str, entry: Mapping[str, Any], editions: tuple[str, ...]
) -> Requirement:
    held_in = tuple(entry.get("editions", editions))
    for edition in held_in:
        if edition not in editions:
            raise UsageError(f"{place} names the edition '{edition}'. {nearest(edition, editions)}")
    return Requirement(
        id=entry["id"],
        topic=topic,
        level=_member(place, Level, entry.get("level", Level.MUST)),
        plane=_member(place, Plane, entry.get("plane", Plane.ADAPTER)),
        text=entry["text"],
        source=entry["source"],
        evidence=tuple(
            _member(place, Evidence, word) for word in entry.get("evidence", [Evidence.DOCUMENTED])
        ),
        editions=held_in,
        capability=entry.get("capability"),
        resolution=entry.get("resolution"),
        excluded=entry.get("reason"),
        sample=_sample(place, entry.get("sample")),
    )


def _sample(place: str, entry: Any) -> Sample | None:
    if entry is None:
        return None
    size, least = (entry.get(key) for key in ("size", "at_least"))
    if not (type(size) is int and size > 0 and type(least) is float and 0 < least < 1):
        raise UsageError(
            f"{place} has a sample that is not of the form {{ size = 100, at_least = 0.95 }}."
        )
    return Sample(size=size, at_least=least)


def _member(place: str, kind: type[Word], word: str) -> Word:
    try:
        return kind(word)
    except ValueError:
        raise UsageError(
            f"{place} says {kind.__name__.lower()} '{word}'. {nearest(word, list(kind))}"
        ) from None
