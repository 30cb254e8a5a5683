"""An edition: what a request may hold, how answers look, and the words of errors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kimi_conformance.editions.models import Family, Model, ModelItem, RetiredModel
from kimi_conformance.editions.services import BatchRules, FileRules, Formula, MessagesForm
from kimi_conformance.editions.tiers import Tier
from kimi_conformance.errors import UsageError, nearest

__all__ = ["CacheRules", "Edition", "ErrorText", "Limits", "PrefixCache", "ReplyForm", "detect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyForm:
    """How a chat completion looks.

    Attributes:
        id: "objectid" (chatcmpl-<24 hex>, the first 8 are the second it was made),
            "uuid" (chatcmpl-<uuid>) or "hex32" (cmpl-<32 hex>).
        system_fingerprint: Whether the chunks of a stream carry one.
        length_fields: The request fields that bound the answer; the first one given counts.
        usage_details: Whether the usage tells the tokens of the reasoning, and cached ones
            a second time, in `completion_tokens_details` and `prompt_tokens_details`.
    """

    id: str
    system_fingerprint: bool
    length_fields: tuple[str, ...]
    usage_details: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a chat request may hold.

    Attributes:
        ranges: Lowest and highest value of a numeric field, both allowed.
        greedy_below: Under this temperature there is only one answer, so `n` must be 1.
        stops: How many stop words.
        stop_bytes: The length of one.
        tools: How many tools.
        tool_name: The pattern of a function's name.
        tool_types: What `tools[].type` may be.
        tool_choices: The words that `tool_choice` may be; an object that names a function
            is always allowed.
        response_formats: What `response_format.type` may be.
        roles: What `messages[].role` may be.
    """

    ranges: Mapping[str, tuple[float, float]]
    greedy_below: float
    stops: int
    stop_bytes: int
    tools: int
    tool_name: str
    tool_types: tuple[str, ...]
    tool_choices: tuple[str, ...]
    response_formats: tuple[str, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRules:
    """Explicit context caching, `/v1/caching`.

    Attributes:
        default_ttl: Seconds that a cache lives where its creator does not say.
        max_tokens: The size of a cache; a larger one gets the status "error".
        families: The models that each cacheable family serves.
        name, description: Their longest length, in characters.
        metadata_pairs, metadata_key, metadata_value: How many, and how long.
        tag: The pattern of a tag's name.
    """

    default_ttl: int
    max_tokens: int
    families: Mapping[str, tuple[str, ...]]
    name: int
    description: int
    metadata_pairs: int
    metadata_key: int
    metadata_value: int
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixCache:
    """Automatic caching: what a prompt begins with was read before.

    Attributes:
        block: A prefix counts in blocks of so many tokens; a whole prompt counts as it is.
        seconds: How long a prompt is remembered after it was used.
    """

    block: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorText:
    """An error as the API words it.

    Attributes:
        status: The HTTP status, 400 to 599.
        type: `error.type`.
        message: `error.message`, with {fields} to be filled in.
        evidence: "recorded", "documented", "third-party", or "assumed": nobody knows the
            words, so no check may rely on them.
    """

    status: int
    type: str
    message: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edition:
    """The API as of a date.

    Attributes:
        name: "2025-09"; sorts by age.
        models: What the API lists, in its order, `len(models) >= 1`.
        documented_models: The ids that the documents name, in their order; each is in
            `models`.
        default_model: The id that checks ask unless told otherwise.
        retired: Models that the API listed once; none is in `models`.
        families: By the name that models carry.
        item: How the list shows a model.
        reply: How a completion looks.
        limits: What a request may hold.
        caching: Explicit context caching, or None: the edition has none.
        prefix_cache: Automatic caching, or None: the edition has none.
        headers: What every answer carries, besides Content-Type and the request's id; the
            value "{trace}" stands for 32 hex digits that differ from answer to answer.
        errors: By the key that rules name.
        files: Uploaded files, or None: the edition has none.
        batches: Batches of chats, or None.
        formulas: The official tools.
        messages: The Anthropic face, or None.
        tiers: Rate limits by tier: "free", then "t1" to "t5".
    """

    name: str
    models: tuple[Model, ...]
    documented_models: tuple[str, ...]
    default_model: str
    retired: tuple[RetiredModel, ...]
    families: Mapping[str, Family]
    item: ModelItem
    reply: ReplyForm
    limits: Limits
    caching: CacheRules | None
    prefix_cache: PrefixCache | None
    headers: Mapping[str, str]
    errors: Mapping[str, ErrorText]
    files: FileRules | None = None
    batches: BatchRules | None = None
    formulas: tuple[Formula, ...] = ()
    messages: MessagesForm | None = None
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    _by_id: Mapping[str, Model] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {model.id: model for model in self.models})

    def find(self, id: str) -> Model | None:
        """The listed model of this id, or None."""
        return self._by_id.get(id)

    def model(self, id: str) -> Model:
        """The listed model of this id.

        Raises:
            UsageError: The edition lists none of this id.
        """
        found = self._by_id.get(id)
        if found is None:
            raise UsageError(f"Edition {self.name} has no model '{id}'. {nearest(id, self._by_id)}")
        return found

    def window(self, id: str) -> int:
        """The context window of a listed model, in tokens; raises as `model`."""
        return self.model(id).context_window

    def known_windows(self) -> dict[str, int]:
        """The context windows by id, in tokens: of the listed models, then of the retired."""
        listed = {model.id: model.context_window for model in self.models}
        return listed | {gone.id: gone.context_window for gone in self.retired}

    def successor(self, id: str) -> str | None:
        """The listed model that users of a retired one are sent to; None: it is not retired."""
        return next((gone.successor for gone in self.retired if gone.id == id), None)


def detect(model_ids: Iterable[str], editions: Iterable[Edition]) -> Edition:
    """The edition that an endpoint with these models serves: most ids in common.

    Of two that fit equally well it is the newer one.

    Raises:
        UsageError: No edition lists any of these models.
    """
    ids = set(model_ids)
    known = list(editions)

    def fit(edition: Edition) -> tuple[int, str]:
        return sum(model.id in ids for model in edition.models), edition.name

    best = max(known, key=fit, default=None)
    if best is None or fit(best)[0] == 0:
        shown = ", ".join(sorted(ids)[:5]) or "none"
        names = ", ".join(edition.name for edition in known) or "none"
        raise UsageError(
            f"No edition lists any of the endpoint's models ({shown}). "
            f"Name one with --edition: {names}."
        )
    return best
