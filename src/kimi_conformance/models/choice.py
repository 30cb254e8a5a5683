"""
Which models meet a need, in which order, and why.

What is not known of a model is held against it: nobody is sent to a model on a guess. The
order is the same every time: by speed where that is asked for, then by price, by window and by
name. Each model but the first says what puts it behind the one before it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_conformance.models.book import ModelBook, ModelFacts
from kimi_conformance.models.overrides import Value

__all__ = [
    "REPLY_TOKENS",
    "Choice",
    "FallenOut",
    "Need",
    "Speed",
    "Suggested",
    "choose",
    "speed_of",
]

REPLY_TOKENS = 500  # the length of the reply by which speeds are compared
FEWEST = 20  # replies, before a speed is worth anything

_ABILITIES = {  # by setting: what is said of a model that has it, and of one that has not
    "tools": ("takes tools", "takes no tools"),
    "vision": ("takes images", "takes no images"),
    "reasoning": ("shows its reasoning", "shows no reasoning"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a user needs.

    Attributes:
        window: Tokens that prompt and answer have together, or None.
        tools, vision, reasoning: Whether the model must take tools, take images, and show its
            reasoning.
        max_input: US dollars a million tokens of prompts, at most, or None.
        max_output: The same of answers.
        fast: Whether measured speed comes before price.
    """

    window: int | None = None
    tools: bool = False
    vision: bool = False
    reasoning: bool = False
    max_input: float | None = None
    max_output: float | None = None
    fast: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast a model was in one load run.

    Attributes:
        ttft_s: Seconds to the first token, the median.
        tokens_per_s: Tokens a second from then on, over all replies.
        replies: How many complete replies this is from.
        run: The run's name.
        where: The base URL that was loaded.
    """

    ttft_s: float
    tokens_per_s: float
    replies: int
    run: str
    where: str

    @property
    def reply_s(self) -> float:
        """Seconds that a reply of `REPLY_TOKENS` tokens takes at this speed."""
        return self.ttft_s + REPLY_TOKENS / self.tokens_per_s

    @property
    def words(self) -> str:
        """As people read it."""
        return (
            f"{self.reply_s:.1f} s for {REPLY_TOKENS} tokens (first after {self.ttft_s:.2f} s, "
            f"then {self.tokens_per_s:.0f}/s; {self.replies} replies, {self.run})"
        )


@dataclass(frozen=True, slots=True)
class Suggested:
    """A model that meets the need.

    Attributes:
        facts: What is known of it.
        why: Why it does, one reason an entry; `len(why) >= 1`.
        behind: What puts it behind the model before it, or None: it is the first.
        speed: How fast it was, or None: not measured.
    """

    facts: ModelFacts
    why: tuple[str, ...]
    behind: str | None
    speed: Speed | None


@dataclass(frozen=True, slots=True)
class FallenOut:
    """A model that does not meet the need, and every reason why."""

    facts: ModelFacts
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The models that meet a need, the best one first, and those that do not."""

    suggested: tuple[Suggested, ...]
    out: tuple[FallenOut, ...]


def choose(book: ModelBook, need: Need, speeds: Mapping[str, Speed] | None = None) -> Choice:
    """The models of a book that meet a need.

    Args:
        book: What is known of the models.
        need: What is needed.
        speeds: By model id, as measured; models that were not come after those that were.
    """
    measured = speeds or {}
    against = {facts.id: _against(facts, need) for facts in book.models.values()}
    fit = [facts for facts in book.models.values() if not against[facts.id]]
    criteria = _criteria(need, measured)
    fit.sort(key=lambda facts: tuple(each.key(facts) for each in criteria))
    return Choice(
        tuple(
            Suggested(
                facts,
                _why(facts, need),
                _behind(fit[place - 1], facts, criteria) if place else None,
                measured.get(facts.id),
            )
            for place, facts in enumerate(fit)
        ),
        tuple(
            FallenOut(facts, against[facts.id])
            for facts in book.models.values()
            if against[facts.id]
        ),
    )


def speed_of(
    *,
    streamed: int,
    replies: int,
    ttft_s: float | None,
    mean_ttft_s: float | None,
    mean_reply_s: float | None,
    tokens: int,
    run: str,
    where: str,
) -> Speed | None:
    """The speed that replies show, or None: too few were streamed to tell.

    Of a reply that was not streamed nobody saw the first token; it is taken to have come as
    soon as those that were seen.

    Args:
        streamed: How many replies were streamed.
        replies: How many there were in all.
        ttft_s: Seconds to the first token, the median.
        mean_ttft_s: The same on the average; it says how long tokens were coming.
        mean_reply_s: Seconds to the end, on the average.
        tokens: What all of them together answered.
        run: The name of the run that they are from.
        where: The base URL that was loaded.
    """
    if streamed < FEWEST or ttft_s is None or mean_ttft_s is None or mean_reply_s is None:
        return None
    coming_s = replies * (mean_reply_s - mean_ttft_s)
    if coming_s <= 0 or tokens <= replies:
        return None
    rate = (tokens - replies) / coming_s  # the first token of each came before
    return Speed(ttft_s=ttft_s, tokens_per_s=rate, replies=replies, run=run, where=where)


@dataclass(frozen=True, slots=True)
class _Criterion:
    """One thing by which models are put in order.

    Attributes:
        key: The smaller the better.
        behind: Given two models that it tells apart, the better one first: how they differ.
    """

    key: Callable[[ModelFacts], Any]
    behind: Callable[[ModelFacts, ModelFacts], str]


def _criteria(need: Need, speeds: Mapping[str, Speed]) -> tuple[_Criterion, ...]:
    def seconds(facts: ModelFacts) -> float:
        speed = speeds.get(facts.id)
        return speed.reply_s if speed else float("inf")

    speed = _Criterion(
        seconds,
        lambda one, other: (
            f"slower than {one.id}" if other.id in speeds else "its speed has not been measured"
        ),
    )
    return (*((speed,) if need.fast else ()), *_ALWAYS)


def _or_infinite(price: Value | None) -> float:
    return float("inf") if price is None else float(price)


def _dollars(facts: ModelFacts) -> float:
    return round(sum(facts.price), 6) if facts.price else float("inf")


_ALWAYS = (
    _Criterion(
        _dollars,
        lambda one, other: f"dearer than {one.id}" if other.price else "its price is not known",
    ),
    _Criterion(
        lambda facts: -(facts.value("context_window") or 0),
        lambda one, _: f"as {one.id}, but with a smaller window",
    ),
    _Criterion(
        lambda facts: _or_infinite(facts.value("price_cached")),
        lambda one, _: f"as {one.id}, but a prompt that was read before costs more",
    ),
    _Criterion(lambda facts: facts.id, lambda one, _: f"a tie with {one.id}, so by name"),
)


def _behind(one: ModelFacts, other: ModelFacts, criteria: Iterable[_Criterion]) -> str:
    deciding = next(each for each in criteria if each.key(one) != each.key(other))
    return deciding.behind(one, other)


def _against(facts: ModelFacts, need: Need) -> tuple[str, ...]:
    """Every reason why a model does not meet a need."""
    if not facts.offered:
        return (_end_of(facts),)
    missing = [
        has_not if name in facts.known else f"not known whether it {has}"
        for name, (has, has_not) in _ABILITIES.items()
        if getattr(need, name) and not facts.value(name)
    ]
    return (
        *missing,
        *_too_small(facts.value("context_window"), need.window),
        *_too_dear("input", facts.value("price_input"), need.max_input),
        *_too_dear("output", facts.value("price_output"), need.max_output),
    )


def _too_small(window: Value | None, least: int | None) -> Iterator[str]:
    if least is not None and window is None:
        yield "window not known"
    elif least is not None and window is not None and window < least:
        yield f"window {window} < {least}"


def _too_dear(what: str, price: Value | None, most: float | None) -> Iterator[str]:
    if most is not None and price is None:
        yield f"price of {what} not known"
    elif most is not None and price is not None and price > most:
        yield f"{what} {price:.2f} > {most:.2f}"


def _end_of(facts: ModelFacts) -> str:
    ended = f"retired on {facts.retired}" if facts.retired else "not offered"
    return f"{ended}; use {facts.successor}" if facts.successor else ended


def _why(facts: ModelFacts, need: Need) -> tuple[str, ...]:
    """Why a model meets a need, and what else speaks for or against it."""
    window, price = facts.value("context_window"), facts.price
    return (
        "window not known" if window is None else f"window {window}",
        *(has for name, (has, _) in _ABILITIES.items() if getattr(need, name)),
        "price not known" if price is None else f"{price[0]:.2f} in, {price[1]:.2f} out",
        *((f"retired on {facts.retired}, by a later edition",) if facts.retired else ()),
    )
