"""What the simulator knows and remembers: the account, its caches, and how often it answered."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kimi_conformance.editions import Edition
from kimi_conformance.simulator.accounts import Account
from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.simulator.latency import INSTANT, Latency
from kimi_conformance.simulator.stored import Batch, StoredFile
from kimi_conformance.wire.exchange import Answer, Frame, Headers

__all__ = ["Cache", "CacheTag", "World"]

ORG = "org-00000000000000000000000000000000"
PROJ = "proj-00000000000000000000000000000000"
AK = "ak-00000000000000000000"
UID = "00000000000000000000"
TRACE = "{trace}"  # the value of a header that is another in each answer

_JSON = ("Content-Type", "application/json; charset=utf-8")
_EVENTS = ("Content-Type", "text/event-stream; charset=utf-8")
_UUID_EPOCH = 0x01B21DD213814000  # 100 ns steps from 1582-10-15 to 1970-01-01


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A context cache.

    Attributes:
        id: "cache-<20 characters>".
        model: The family: "moonshot-v1".
        messages, tools, name, description, metadata: As they were sent.
        created_at, expired_at: Seconds since the Unix epoch.
        ready_at: When it can be used.
        tokens: Its size.
        fingerprint: Of messages and tools; equal where they are deep-equal.
        too_large: Whether it could not be made.
    """

    id: str
    model: str
    messages: list[Any]
    tools: list[Any]
    name: str
    description: str
    metadata: Mapping[str, Any]
    created_at: int
    expired_at: int
    ready_at: float
    tokens: int
    fingerprint: str
    too_large: bool

    def status(self, now: float) -> str:
        """One of "pending", "ready", "error", "inactive"."""
        if self.too_large:
            return "error"
        if now >= self.expired_at:
            return "inactive"
        return "pending" if now < self.ready_at else "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheTag:
    """A name that users give to a context cache.

    Attributes:
        name: Theirs.
        cache_id: Which cache it stands for; there is one of this id as long as there is the tag.
        created_at: When it was given to this cache, in seconds since the Unix epoch.
    """

    name: str
    cache_id: str
    created_at: int

    @property
    def shown(self) -> Mapping[str, Any]:
        """As the API describes it."""
        return {
            "cache_id": self.cache_id,
            "created_at": self.created_at,
            "object": "cache_object.tag",
            "owned_by": UID,
            "tag": self.name,
        }


@dataclass(slots=True, kw_only=True)
class World:
    """All that an answer depends on besides the request and the time.

    Attributes:
        edition: The API that is served.
        api_key: The one key that is accepted.
        seed: What random choices come from.
        latency: Of chat completions.
        cache_pending: Seconds until a new or revived cache is ready.
        account: Whose key it is: balance and rate limits.
        caches: By id, oldest first.
        tags: Of caches, by name, the one given last at the end.
        files, batches: Likewise.
        prompts: What prompts began with, and until when that is remembered; the newest last.
        batch_seconds: From the creation of a batch to its completion.
        number: How many answers were given.
    """

    edition: Edition
    api_key: str
    seed: int = 0
    latency: Latency = INSTANT
    cache_pending: float = 0.0
    account: Account = field(default_factory=Account)
    caches: dict[str, Cache] = field(default_factory=dict)
    tags: dict[str, CacheTag] = field(default_factory=dict)
    files: dict[str, StoredFile] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    batch_seconds: float = 0.0
    prompts: dict[bytes, float] = field(default_factory=dict)
    number: int = 0
    _headers: Headers = field(init=False, repr=False)
    _traced: bool = field(init=False, repr=False)
    _node: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._headers = tuple(self.edition.headers.items())
        self._traced = TRACE in self.edition.headers.values()
        self._node = self.digest("node", 8)

    def digest(self, label: str, size: int) -> str:
        """So many bytes in hex that stand for this seed, this answer and the label."""
        text = f"{self.seed}/{self.number}/{label}"
        return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()

    def headers(self, now: float, *, stream: bool = False, more: Headers = ()) -> Headers:
        """What an answer carries."""
        id = ("Msh-Request-Id", self._request_id(now))
        fixed = self._headers
        if self._traced:
            fixed = tuple((name, self._trace(value)) for name, value in fixed)
        return (_EVENTS if stream else _JSON, *fixed, id, *more)

    def _trace(self, value: str) -> str:
        return self.digest("trace", 16) if value == TRACE else value

    def reply(self, now: float, body: object, *, status: int = 200, more: Headers = ()) -> Answer:
        """A JSON answer that leaves at once."""
        frames = (Frame(0.0, go_json(body)),)
        return Answer(status=status, headers=self.headers(now, more=more), frames=frames)

    def refuse(
        self, now: float, key: str, fills: Mapping[str, object] | None = None, more: Headers = ()
    ) -> Answer:
        """The edition's error of this key."""
        error = self.edition.errors[key]
        message = error.message.format_map({"org": ORG, "proj": PROJ, "ak": AK, **(fills or {})})
        body = {"error": {"message": message, "type": error.type}}
        return self.reply(now, body, status=error.status, more=more)

    def completion_id(self, now: float) -> str:
        """The id of a chat completion, in the edition's form."""
        form = self.edition.reply.id
        if form == "objectid":
            return f"chatcmpl-{int(now):08x}{self.digest('completion', 8)}"
        text = self.digest("completion", 16)
        if form == "hex32":
            return f"cmpl-{text}"
        return f"chatcmpl-{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def _request_id(self, now: float) -> str:
        """A UUID version 1: time, then a clock sequence and a node that stand for the seed."""
        time = int(now * 10_000_000) + _UUID_EPOCH + self.number
        low, mid, high = time & 0xFFFFFFFF, time >> 32 & 0xFFFF, time >> 48 & 0x0FFF
        node = self._node
        return f"{low:08x}-{mid:04x}-1{high:03x}-a{node[:3]}-{node[3:15]}"
