"""
All that is known of the models, each fact with who says it.

An override goes before the API, the API before the edition. The list of an endpoint is given
as it came: entries that are no models of this API are left out, and a value that cannot be is
none, so that nothing a server says can break the book.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from kimi_conformance.editions import Edition, Model
from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.models.overrides import ID, SETTINGS, Overrides, Value, checked

__all__ = [
    "API",
    "OVERRIDE",
    "Comparison",
    "Gone",
    "Known",
    "ModelBook",
    "ModelFacts",
    "OtherWindow",
    "book_of",
    "compare",
    "handle_of",
    "told_by_api",
]

OVERRIDE = "override"
API = "API"
_IN_THE_LIST = {  # our setting: the field of an entry of GET /v1/models
    "context_window": "context_length",
    "vision": "supports_image_in",
    "reasoning": "supports_reasoning",
}


@dataclass(frozen=True, slots=True)
class Known:
    """A fact, and who says it: "override", "API" or "edition 2026-09"."""

    value: Value
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of one model.

    Attributes:
        id: As in requests.
        offered: Whether the API has it, by its list where there is one, else by the edition
            or, of a model that no edition knows, by a user.
        known: The facts by the names of `SETTINGS`; what nobody tells is not there.
        price_source: Where the edition has the price from, or None.
        retired: The day it went, as far as any edition tells: "2026-05-25", else None.
        successor: The model that its users are sent to, or None.
    """

    id: str
    offered: bool
    known: Mapping[str, Known] = field(default_factory=dict)
    price_source: str | None = None
    retired: str | None = None
    successor: str | None = None

    @property
    def handle(self) -> str:
        """The name with its provider: "kimi/kimi-k3"."""
        return handle_of(self.id)

    def value(self, name: str) -> Value | None:
        """A fact by the name of its setting, or None: nobody tells."""
        found = self.known.get(name)
        return None if found is None else found.value

    @property
    def price(self) -> tuple[float, float] | None:
        """US dollars a million tokens of prompts and of answers; None: one is not known."""
        asked, told = self.value("price_input"), self.value("price_output")
        return None if asked is None or told is None else (float(asked), float(told))

    def verify(self, values: Mapping[str, Value]) -> None:
        """Return if this can be said of the model, for all that is known.

        Raises:
            UsageError: The window would be larger than it is, or an answer than the window.
        """
        window = self.value("context_window")
        said = values.get("context_window", window)
        if window is not None and said is not None and said > window:
            raise UsageError(
                f"'{self.id}' has a context window of {window} tokens by "
                f"{self._teller('context_window')}, not of {said}: a longer prompt is refused."
            )
        answer = values.get("max_tokens")
        if answer is not None and said is not None and answer > said:
            raise UsageError(
                f"An answer of {answer} tokens does not fit into the context window of "
                f"'{self.id}', {said} tokens."
            )

    def _teller(self, name: str) -> str:
        source = self.known[name].source
        return "the API" if source == API else source


@dataclass(frozen=True, slots=True)
class ModelBook:
    """The models of an edition, those that the API lists or a user names besides, and the gone.

    Attributes:
        edition: The edition's name.
        models: By id.
    """

    edition: str
    models: Mapping[str, ModelFacts]

    def __getitem__(self, model: str) -> ModelFacts:
        """The facts of a model, by its id or its handle.

        Raises:
            UsageError: Nobody knows it.
        """
        found = self.models.get(model) or self.models.get(model.partition("/")[2])
        if found is None:
            raise UsageError(f"There is no model '{model}'. {nearest(model, self.models)}")
        return found


@dataclass(frozen=True, slots=True)
class Gone:
    """A configured model that the API does not list, with what is known of its end."""

    id: str
    retired: str | None
    successor: str | None


@dataclass(frozen=True, slots=True)
class OtherWindow:
    """A model whose configured window is not the one that the API gives, in tokens."""

    id: str
    configured: int
    source: str
    given: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The API's list against the configuration.

    Attributes:
        added: Ids that only the API has, in its order.
        gone: Models that only the configuration has.
        windows: Models that both have, with different windows.
    """

    added: tuple[str, ...]
    gone: tuple[Gone, ...]
    windows: tuple[OtherWindow, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.gone or self.windows)


def handle_of(id: str) -> str:
    """The handle of one of Kimi's models.

    >>> handle_of("kimi-k3")
    'kimi/kimi-k3'
    """
    return f"kimi/{id}"


def book_of(
    edition: Edition,
    others: Iterable[Edition] = (),
    *,
    overrides: Overrides | None = None,
    listed: Iterable[Any] | None = None,
) -> ModelBook:
    """The book of an edition.

    Args:
        edition: Whose models are in it.
        others: More editions, which may tell of a model's end, or of one that is gone.
        overrides: What a user says.
        listed: The entries of GET /v1/models, or None: the API was not asked.
    """
    said = overrides or Overrides()
    editions = sorted({each.name: each for each in (*others, edition)}.values(), key=_name)
    entries = None if listed is None else told_by_api(listed)
    ids = dict.fromkeys(
        [
            *(model.id for model in edition.models),
            *(entries or ()),
            *(gone.id for gone in edition.retired),
            *said.models,
        ]
    )
    if entries is None:
        of_editions = {id for each in editions for id in each.known_windows()}
        offered = {model.id for model in edition.models} | (said.models.keys() - of_editions)
    else:
        offered = set(entries)
    return ModelBook(
        edition.name,
        MappingProxyType(
            {
                id: _facts(id, id in offered, edition, editions, (entries or {}).get(id, {}), said)
                for id in ids
            }
        ),
    )


def told_by_api(entries: Iterable[Any]) -> dict[str, dict[str, Value]]:
    """What the API's list tells of each model: by id, then by the names of `SETTINGS`."""
    told: dict[str, dict[str, Value]] = {}
    for entry in entries:
        id = entry.get("id") if isinstance(entry, Mapping) else None
        if isinstance(id, str) and ID.fullmatch(id):
            told[id] = {
                name: entry[field]
                for name, field in _IN_THE_LIST.items()
                if _can_be(name, entry.get(field))
            }
    return told


def compare(book: ModelBook, entries: Sequence[Any]) -> Comparison:
    """The API's list against a book that was made without it."""
    told = told_by_api(entries)
    configured = [facts for facts in book.models.values() if facts.offered]
    both = [facts for facts in configured if facts.id in told]
    return Comparison(
        added=tuple(id for id in told if id not in {facts.id for facts in configured}),
        gone=tuple(
            Gone(facts.id, facts.retired, facts.successor)
            for facts in configured
            if facts.id not in told
        ),
        windows=tuple(
            OtherWindow(facts.id, int(known.value), known.source, int(given))
            for facts in both
            if (known := facts.known.get("context_window")) is not None
            and (given := told[facts.id].get("context_window")) is not None
            and given != known.value
        ),
    )


def _facts(
    id: str,
    offered: bool,
    edition: Edition,
    editions: Sequence[Edition],
    listed: Mapping[str, Value],
    overrides: Overrides,
) -> ModelFacts:
    known, price_source = _by_editions(id, edition, editions)
    known |= {name: Known(value, API) for name, value in listed.items()}
    known |= {name: Known(value, OVERRIDE) for name, value in overrides.of(id).items()}
    ends = [gone for each in editions for gone in each.retired if gone.id == id]
    return ModelFacts(
        id=id,
        offered=offered,
        known=MappingProxyType({name: known[name] for name in SETTINGS if name in known}),
        price_source=price_source,
        retired=ends[-1].retired if ends else None,
        successor=ends[-1].successor if ends else None,
    )


def _by_editions(
    id: str, edition: Edition, editions: Sequence[Edition]
) -> tuple[dict[str, Known], str | None]:
    """What the edition says of a model; of one that is gone, what the last one said."""
    for each in (edition, *reversed(editions)):
        model = each.find(id)
        if model is not None:
            source = f"edition {each.name}"
            facts = {name: Known(value, source) for name, value in _of_model(model).items()}
            return facts, model.price.source if model.price else None
    for each in (edition, *reversed(editions)):
        for gone in each.retired:
            if gone.id == id:
                return {"context_window": Known(gone.context_window, f"edition {each.name}")}, None
    return {}, None


def _of_model(model: Model) -> dict[str, Value]:
    facts: dict[str, Value] = {
        "context_window": model.context_window,
        "max_tokens": model.max_tokens,
        "tools": model.tools,
        "vision": model.vision,
        "reasoning": model.thinking,
        "streaming": True,  # the API reference has it for every model
    }
    if model.price is not None:
        facts |= {"price_input": model.price.input, "price_output": model.price.output}
        if model.price.cached is not None:
            facts["price_cached"] = model.price.cached
    return facts


def _can_be(name: str, value: Any) -> bool:
    try:
        checked(name, value, API)
    except UsageError:
        return False
    return True


def _name(edition: Edition) -> str:
    return edition.name
