"""
A recording against two answers to the same request: only what is outside their noise counts.

A trait in which the two answers differ is noise, there and at every other exchange of the same
route: one recording is one draw, and what varies here may have varied there. The status is not
pooled, since a refusal of one request says nothing of another. What a model decides (to call a
tool, to stop) may be what another recording of the route has, and is then no drift either.

One amount is no draw: the prompt is counted, not made up. Two answers to a request that was the
same to the byte count it alike, so where they do not, that is a change and no noise.

Who changed is told by the editions. Each is data that the embedded simulator speaks, so what
an edition says of a request is the trait of that simulator's answer to it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kimi_conformance.drift.changes import Attribution, Kind, Seen
from kimi_conformance.drift.observing import Dimension, Trait, Traits

__all__ = ["Answers", "compare"]

ABSENT = "absent"
_ENDS = ("finish_reason", "stop_reason")
_CHOSEN = ("message.", "delta.", "content[].", "content_block.")
_NO_ROUTE = Trait(Dimension.SHAPE, "scode")  # only the other shape of a 404 has it
_POOLED = frozenset(Dimension) - {Dimension.STATUS}
_COUNTED = ("usage.prompt_tokens",)  # by the request alone
_REST = "input_tokens"  # on the Anthropic face: the prompt without what the cache had to do with
_CACHED = ("cache_read_input_tokens", "cache_creation_input_tokens")
_WARM = (
    *("cached_tokens", "prompt_tokens_details", "header msh-context-cache-token-saved"),
    *_CACHED,
)
_NOT_ONCE = frozenset({Dimension.QUANTITY, Dimension.ORDER})  # one answer alone does not tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What is known of one request.

    Attributes:
        place: The recorded exchange.
        route: As `route_of` gives it, of the recording.
        recorded: The recording's traits.
        first, second: Of the two answers; `second` is None where there was one only.
        old, new: Of what the cassette's edition and the target's say; None: nobody knows.
        same_model: Whether the model was asked that was asked when it was recorded.
        same_request: Whether both answers are to one request, equal to the byte.
        laws: Wire laws that both answers break and the recording does not.
        laws_of_edition: Those that the answer breaks which the target's edition foresees.
    """

    place: str
    route: str
    recorded: Traits
    first: Traits
    second: Traits | None = None
    old: Traits | None = None
    new: Traits | None = None
    same_model: bool = True
    same_request: bool = False
    laws: tuple[str, ...] = ()
    laws_of_edition: tuple[str, ...] = ()


def compare(asked: Sequence[Answers], noise: Iterable[tuple[str, Trait]] = ()) -> list[Seen]:
    """What is different, outside the noise.

    Args:
        asked: All requests.
        noise: Traits of routes that are known to vary from elsewhere.
    """
    noisy = {*noise, *(each for one in asked for each in _noise(one))}
    drawn = _drawn(asked)
    found: list[Seen] = []
    for one in asked:
        seen = [*_differences(one, noisy, drawn), *_counted_otherwise(one)]
        found += seen or _only_laws(one)
    return found


def _counted_otherwise(one: Answers) -> Iterator[Seen]:
    """Prompts that are counted one way and then another."""
    for trait in sorted(one.first.keys() | (one.second or {}).keys()):
        if _varies_wrongly(one, trait):
            yield Seen(
                kind=Kind.QUANTITATIVE,
                where=f"{one.route}: {trait.path}",
                before="the same for the same request",
                after="another each time",
                attribution=Attribution.PROVIDER_CHANGED,
                place=one.place,
                laws=one.laws,
            )


def _varies_wrongly(one: Answers, trait: Trait) -> bool:
    if one.second is None or not one.same_request or not trait.path.endswith(_COUNTED):
        return False
    counts = one.first.get(trait), one.second.get(trait)
    return trait.dimension is Dimension.QUANTITY and None not in counts and counts[0] != counts[1]


def _only_laws(one: Answers) -> Iterator[Seen]:
    """Laws that are broken now, where nothing else tells it: sums that are wrong, say."""
    for law in one.laws:
        wrong = law in one.laws_of_edition
        yield Seen(
            kind=Kind.BREAKING,
            where=f"{one.route}: law {law}",
            before="kept",
            after="broken",
            attribution=Attribution.VALIDATOR_WRONG if wrong else Attribution.PROVIDER_CHANGED,
            place=one.place,
            laws=(law,),
        )


def _noise(one: Answers) -> Iterator[tuple[str, Trait]]:
    if one.second is None:
        return
    for trait in one.first.keys() | one.second.keys():
        if trait.dimension in _POOLED and one.first.get(trait) != one.second.get(trait):
            yield one.route, trait


_Drawn = Mapping[tuple[str, Trait], set[str | None]]


def _drawn(asked: Sequence[Answers]) -> _Drawn:
    """What recordings of each route say where a model decides: another draw is no drift."""
    traits: dict[str, set[Trait]] = {}
    for one in asked:
        decided = (trait for trait in (*one.recorded, *one.first) if _is_drawn(trait))
        traits.setdefault(one.route, set()).update(decided)
    said: dict[tuple[str, Trait], set[str | None]] = {}
    for one in asked:
        for trait in traits[one.route]:
            said.setdefault((one.route, trait), set()).add(one.recorded.get(trait))
    return said


def _is_drawn(trait: Trait) -> bool:
    """Whether it hangs on what a model chose to do: to call a tool, to stop, to be long."""
    if trait.dimension is Dimension.ORDER:
        return True
    return trait.path.endswith(_ENDS) or any(part in trait.path for part in _CHOSEN)


def _differences(one: Answers, noisy: set[tuple[str, Trait]], drawn: _Drawn) -> Iterator[Seen]:
    status = Trait(Dimension.STATUS, "")
    if one.recorded[status] != one.first[status]:
        if one.second is None or one.second[status] == one.first[status]:
            yield _status(one, status)
        return  # two answers of different status have nothing else in common
    for trait in sorted(one.recorded.keys() | one.first.keys()):
        before, after = one.recorded.get(trait), one.first.get(trait)
        if before == after or (one.route, trait) in noisy or _is_inside(trait, one):
            continue
        if _is_holding(trait, one) or _is_warmth(trait, one):
            continue
        if len(drawn.get((one.route, trait), ())) > 1 and after in drawn[one.route, trait]:
            continue
        if trait.dimension in _NOT_ONCE and one.second is None:
            continue
        if not one.same_model and _is_of_the_model(trait):
            continue
        yield _seen(one, trait, before, after)


def _is_of_the_model(trait: Trait) -> bool:
    """Whether another model may say another thing: how long its answer is, and so its end."""
    return trait.dimension is Dimension.QUANTITY or trait.path.endswith(_ENDS)


def _is_inside(trait: Trait, one: Answers) -> bool:
    """Whether it stands in a field that is new or gone as a whole, which is named itself."""
    if trait.dimension in {Dimension.WORD, Dimension.FORM, Dimension.QUANTITY}:
        shape = Trait(Dimension.SHAPE, trait.path)
        if (shape in one.recorded) != (shape in one.first):
            return True
    if trait.dimension is not Dimension.SHAPE:
        return False
    parent = trait.path
    while parent := _parent(parent):
        shape = Trait(Dimension.SHAPE, parent)
        if one.recorded.get(shape) != one.first.get(shape):
            return True
    return False


def _is_warmth(trait: Trait, one: Answers) -> bool:
    """Whether it tells that a prompt was read before, which hangs on who asked what just now.

    A night's own checks warm the cache that its look at drift then meets. Where the editions
    differ in it, it is drift all the same.
    """
    if trait.path.endswith(f"usage.{_REST}"):
        return _is_same_prompt(trait, one) and _editions_agree(trait, one)
    if not any(name in trait.path for name in _WARM):
        return False
    if trait.dimension is not Dimension.QUANTITY and trait in one.recorded and trait in one.first:
        return False  # a field of another type
    return _editions_agree(trait, one)


def _editions_agree(trait: Trait, one: Answers) -> bool:
    return one.old is None or one.new is None or one.old.get(trait) == one.new.get(trait)


def _is_same_prompt(trait: Trait, one: Answers) -> bool:
    """Whether a prompt is as long as before, and only more or less of it was cached."""
    if trait.dimension is not Dimension.QUANTITY or trait not in one.first:
        return False
    before, after = _prompt(trait, one.recorded), _prompt(trait, one.first)
    return before is not None and before == after


def _prompt(rest: Trait, traits: Traits) -> int | None:
    """The tokens of a prompt on the Anthropic face; None: not all its counts are one number."""
    usage = rest.path.removesuffix(_REST)
    places = [Trait(Dimension.QUANTITY, f"{usage}{name}") for name in (_REST, *_CACHED)]
    counts = [traits.get(place, "0") for place in places]
    return sum(map(int, counts)) if all(map(str.isdecimal, counts)) else None


def _is_holding(trait: Trait, one: Answers) -> bool:
    """Whether it is of the items of a list that is empty on one side: what an account holds."""
    items = Trait(Dimension.SHAPE, "data[]")
    return trait.path.startswith(items.path) and (items in one.recorded) != (items in one.first)


def _parent(path: str) -> str:
    return path.removesuffix("[]") if path.endswith("[]") else path.rpartition(".")[0]


def _status(one: Answers, trait: Trait) -> Seen:
    before, after = one.recorded[trait], one.first[trait]
    if _NO_ROUTE in one.first and _NO_ROUTE not in one.recorded:
        return Seen(
            kind=Kind.BREAKING,
            where=f"{_family(one.route)}: route",
            before="served",
            after="gone",
            attribution=_attribution(one, _NO_ROUTE),
            place=one.place,
        )
    text = Trait(Dimension.TEXT, "error.message")
    return Seen(
        kind=Kind.ADDITIVE if before[0] == "4" and after[0] == "2" else Kind.BREAKING,
        where=f"{one.route}: status",
        before=f"{before}: {one.recorded[text]}" if text in one.recorded else before,
        after=f"{after}: {one.first[text]}" if text in one.first else after,
        attribution=_attribution(one, trait),
        place=one.place,
        laws=one.laws,
    )


def _family(route: str) -> str:
    """The routes that come and go together: "/v1/caching" of "GET /v1/caching/refs/tags"."""
    path = route.split(" ")[1]
    return "/".join(path.split("/")[:3])


def _seen(one: Answers, trait: Trait, before: str | None, after: str | None) -> Seen:
    if trait.dimension in {Dimension.WORD, Dimension.FORM} and before and after:
        gone, new = _only(before, after), _only(after, before)  # of several, what is another
        before, after = gone, new
    return Seen(
        kind=_kind(trait, before, after),
        where=f"{one.route}: {_called(trait)}",
        before=ABSENT if before is None else before,
        after=ABSENT if after is None else after,
        amount=trait.dimension is Dimension.QUANTITY,
        attribution=_attribution(one, trait),
        place=one.place,
        laws=one.laws,
    )


def _only(values: str, others: str) -> str | None:
    return "|".join(sorted(set(values.split("|")) - set(others.split("|")))) or None


_NAMES: Mapping[Dimension, str] = {
    Dimension.ORDER: "order of chunks",
    Dimension.FORM: "form of {}",
    Dimension.WORD: "value of {}",
}


def _called(trait: Trait) -> str:
    return _NAMES.get(trait.dimension, "{}").format(trait.path)


def _kind(trait: Trait, before: str | None, after: str | None) -> Kind:
    if trait.dimension is Dimension.TEXT:
        return Kind.TEXTUAL
    if trait.dimension is Dimension.QUANTITY:
        return Kind.QUANTITATIVE
    if before is None:
        return Kind.ADDITIVE
    if after is None:
        return Kind.BREAKING
    if trait.dimension is Dimension.ORDER:
        return Kind.ADDITIVE if _is_within(before.split(), after.split()) else Kind.BREAKING
    narrowed = trait.dimension is Dimension.SHAPE and set(after.split("|")) < set(before.split("|"))
    return Kind.ADDITIVE if narrowed else Kind.BREAKING


def _is_within(few: Sequence[str], many: Sequence[str]) -> bool:
    """Whether all of the few are among the many, in their order."""
    rest = iter(many)
    return all(one in rest for one in few)


def _attribution(one: Answers, trait: Trait) -> Attribution:
    after = one.first.get(trait)
    if one.old is not None and one.old.get(trait) == after:
        known = Attribution.CASSETTE_STALE
    elif one.new is not None and one.new.get(trait) == after:
        known = Attribution.DOCUMENT_CHANGED
    else:
        return Attribution.PROVIDER_CHANGED
    wrong = set(one.laws) & set(one.laws_of_edition)
    return Attribution.VALIDATOR_WRONG if wrong else known
