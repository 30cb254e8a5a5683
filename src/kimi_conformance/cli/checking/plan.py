"""
What a run would send and cost, said before anything is sent.

The estimate is read off the recordings of the checks: each holds the requests that its check
sends, and the usage that was told for them. Where the recordings are of the simulator, so are
the counts of tokens; a model that answers at greater length costs more, up to what the
requests allow, which is given beside it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from kimi_conformance.cassettes import read
from kimi_conformance.cli.asking.target import Target
from kimi_conformance.cli.checking.pytest_child import CheckRun
from kimi_conformance.cli.drifting.recordings import Recording
from kimi_conformance.cli.keeping.proof import checks_by_requirement
from kimi_conformance.cli.showing import show
from kimi_conformance.editions import Edition
from kimi_conformance.errors import UsageError
from kimi_conformance.requirements import Catalogue, Requirement
from kimi_conformance.stage import Budget
from kimi_conformance.suite import Suite
from kimi_conformance.wire.exchange import Exchange
from kimi_conformance.wire.sse import decode

__all__ = ["Prices", "Share", "estimate", "tell"]

MILLION = 1_000_000
SHOWN = 5  # checks without a recording that are named


@dataclass(frozen=True, slots=True)
class Prices:
    """What the user says that a model costs, in dollars a million tokens; None: not said."""

    input: float | None = None
    output: float | None = None


@dataclass(slots=True)
class Share:
    """What the checks of one topic take; tokens as recorded.

    Attributes:
        topic: With its plane: "endpoint/chat".
        checks: How many, each variant by itself.
        requests: That are sent.
        prompt_tokens, completion_tokens: As the recorded answers tell them.
        most_tokens: As `--max-tokens` counts: what the requests allow.
        dollars: None: the price of a model is not known.
    """

    topic: str
    checks: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    most_tokens: int = 0
    dollars: float | None = 0.0

    def add(self, other: "Share") -> None:
        """Take in what another one takes."""
        self.checks += other.checks
        self.requests += other.requests
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.most_tokens += other.most_tokens
        known = self.dollars is not None and other.dollars is not None
        self.dollars = (self.dollars or 0.0) + (other.dollars or 0.0) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run would take.

    Attributes:
        shares: By topic, in the order of their names.
        unrecorded: Ids of checks that speak to the endpoint and have no recording.
        sources: What was recorded: "simulator", "live".
    """

    shares: Sequence[Share]
    unrecorded: Sequence[str]
    sources: Sequence[str]

    @property
    def total(self) -> Share:
        """All topics together."""
        total = Share("total")
        for share in self.shares:
            total.add(share)
        return total


def estimate(suite: Suite, run: CheckRun, prices: Prices) -> Estimate:
    """What the run would take, by the recordings of its checks.

    Raises:
        CassetteError: A recording is damaged.
        UsageError: The run names a requirement that there is not.
    """
    edition, catalogue = suite.edition(run.edition), suite.catalogue()
    for id in run.requirements:
        catalogue[id]
    wanted = dict(_wanted(suite, run, catalogue))
    shares: dict[str, Share] = {}
    recorded, sources = set[str](), set[str]()
    for path in sorted((suite.cassettes / run.edition).rglob("*.yaml")):
        name = str(path.relative_to(suite.cassettes).with_suffix(""))
        topic = "/".join(name.split("/")[1:3])
        if not any(check.startswith(f"{topic}/") for check in wanted):
            continue
        cassette = read(path, name)
        check = cassette.provenance.check.partition("[")[0]
        if check not in wanted:
            continue
        recorded.add(check)
        sources.add(cassette.provenance.source)
        price = _Pricing(edition, run.model, run.model_is, prices)
        times = _times(run, topic, wanted[check])
        share = _share(topic, cassette.interactions, price, times)
        shares.setdefault(topic, Share(topic)).add(share)
    unrecorded = [id for id in wanted if id not in recorded and id.startswith("endpoint/")]
    return Estimate(
        shares=[shares[topic] for topic in sorted(shares)],
        unrecorded=unrecorded,
        sources=sorted(sources),
    )


def _wanted(suite: Suite, run: CheckRun, catalogue: Catalogue) -> Iterator[tuple[str, Requirement]]:
    """The checks of a run by their ids, without variants, each with what it decides."""
    for id, checks in checks_by_requirement(suite.conformance).items():
        requirement = catalogue[id]
        if (
            run.edition not in requirement.editions
            or (run.requirements and id not in run.requirements)
            or (run.plane is not None and requirement.plane != run.plane)
            or (requirement.plane == "endpoint" and requirement.capability in run.without)
        ):
            continue
        for check in checks:
            plane, topic, _ = check.split("/", 2)
            asked = plane in {"adapter", "endpoint"} and topic != "wire"
            if asked and (not run.topics or topic in run.topics):
                yield check, requirement


def _times(run: CheckRun, topic: str, requirement: Requirement) -> float:
    """How many times as much as was recorded is sent."""
    if topic.startswith("adapter/"):
        return len(run.adapters)
    if requirement.sample is not None and run.samples is not None:
        return run.samples / requirement.sample.size
    return 1


@dataclass(frozen=True, slots=True)
class _Pricing:
    """What tokens cost: those of the recorded default model as those of the model of the run."""

    edition: Edition
    model: str | None
    model_is: str | None
    said: Prices

    def dollars(self, asked: str, prompt: float, completion: float) -> float | None:
        own = asked == self.edition.default_model
        price = self._price_of((self.model_is or self.model or asked) if own else asked)
        if price.input is None or price.output is None:
            return None if prompt or completion else 0.0
        return (prompt * price.input + completion * price.output) / MILLION

    def _price_of(self, model: str) -> Prices:
        """What the user says counts before what the edition says."""
        said, found = self.said, self.edition.find(model)
        listed = found.price if found else None
        if listed is None:
            return said
        return Prices(
            listed.input if said.input is None else said.input,
            listed.output if said.output is None else said.output,
        )

    @property
    def told(self) -> str:
        """Whose price it is, or what to do where there is none."""
        id = self.model_is or self.model or self.edition.default_model
        if self.said.input is not None and self.said.output is not None:
            return f"Price: ${self.said.input:g} in and ${self.said.output:g} out a million tokens."
        found = self.edition.find(id)
        if found is None or found.price is None:
            return (
                f"The price of {id} is not known: give --price-in and --price-out, in dollars a "
                "million tokens."
            )
        return (
            f"Price of {id}: ${found.price.input:g} in and ${found.price.output:g} out a million "
            f"tokens ({found.price.source})."
        )


def _drift(again: Sequence[Recording], price: _Pricing) -> Share:
    """What it takes to send each of these requests twice."""
    share = Share("drift")
    for one in again:
        share.add(_share("drift", one.exchanges, price, 2, checks=0))
    return share


def _share(
    topic: str, exchanges: Sequence[Exchange], price: _Pricing, times: float, checks: int = 1
) -> Share:
    budget, share = Budget(), Share(topic, checks=checks)
    prompt = completion = 0
    for exchange in exchanges:
        budget.spend(exchange.request)
        read_in, written = _usage(exchange)
        prompt += read_in
        completion += written
        dollars = price.dollars(_model_of(exchange), read_in * times, written * times)
        known = share.dollars is not None and dollars is not None
        share.dollars = (share.dollars or 0.0) + (dollars or 0.0) if known else None
    share.requests = round(len(exchanges) * times)
    share.prompt_tokens, share.completion_tokens = round(prompt * times), round(completion * times)
    share.most_tokens = round(budget.tokens * times)
    return share


def _model_of(exchange: Exchange) -> str:
    try:
        body = exchange.request.json
    except ValueError:
        return ""
    return str(body.get("model", "")) if isinstance(body, dict) else ""


def _usage(exchange: Exchange) -> tuple[int, int]:
    """The tokens of prompt and answer that an answer tells; 0 and 0 for one that tells none."""
    read_in, written = 0, 0
    for usage in _usages(exchange):
        read_in = max(read_in, _count(usage, "prompt_tokens", "input_tokens"))
        written = max(written, _count(usage, "completion_tokens", "output_tokens"))
    return read_in, written


def _usages(exchange: Exchange) -> Iterator[Mapping[str, Any]]:
    """Everything called usage in an answer, piece by piece."""
    answer = exchange.answer
    if (answer.header("Content-Type") or "").startswith("text/event-stream"):
        bodies: Iterable[str] = (event.data for _, event in decode(answer.frames).events)
    else:
        bodies = (answer.body.decode("utf-8", "replace"),)
    for text in bodies:
        try:
            body = json.loads(text)
        except ValueError:
            continue
        if isinstance(body, dict):
            choices = body.get("choices")
            places = [body, body.get("message"), *(choices if isinstance(choices, list) else ())]
            for place in places:
                if isinstance(place, dict) and isinstance(place.get("usage"), dict):
                    yield place["usage"]


def _count(usage: Mapping[str, Any], *names: str) -> int:
    values = [usage.get(name) for name in names]
    return sum(value for value in values if type(value) is int)


def tell(
    suite: Suite,
    target: Target,
    run: CheckRun,
    prices: Prices,
    json_file: str | None,
    again: Sequence[Recording] = (),
) -> None:
    """Say what the run would take; nothing is sent.

    Args:
        suite: The content.
        target: What would be asked.
        run: The checks.
        prices: As the user says.
        json_file: Where the machine's answer goes, or None.
        again: What would be sent again to look for drift.

    Raises:
        UsageError: Nothing was recorded that could tell.
    """
    found = estimate(suite, run, prices)
    if not found.shares:
        raise UsageError(
            f"Of these checks nothing was recorded in edition {run.edition}, so nothing can be "
            "estimated. Record it with: kimi-conformance record"
        )
    pricing = _Pricing(suite.edition(run.edition), run.model, run.model_is, prices)
    before = [Share("inspection", requests=target.requests)] if target.requests else []
    after = [_drift(again, pricing)] if again else []
    found = replace(found, shares=[*before, *found.shares, *after])
    total = found.total
    where = target.base_url or "a live endpoint"
    show.say(f"Plan, edition {run.edition}, {where}: nothing was sent.\n", json_file)
    show.say(
        _row("topic", "checks", "requests", "prompt", "answer", "at most", "dollars"), json_file
    )
    for share in (*found.shares, total):
        show.say(_row(*_cells(share)), json_file)
    show.say("", json_file)
    for line in _notes(found, run, pricing):
        show.say(line, json_file)
    show.answer(
        {
            "plan": {
                "edition": run.edition,
                "base_url": target.base_url,
                "model": run.model,
                "total": _told(total),
                "topics": [_told(share) for share in found.shares],
                "unrecorded": list(found.unrecorded),
                "recorded_from": list(found.sources),
                "price": pricing.told,
            }
        },
        json_file,
    )


def _told(share: Share) -> dict[str, Any]:
    rounded = None if share.dollars is None else round(share.dollars, 6)
    return {**asdict(share), "dollars": rounded}


def _notes(found: Estimate, run: CheckRun, pricing: _Pricing) -> Iterator[str]:
    yield (
        f"Estimated from what was recorded of these checks ({', '.join(found.sources)}): their "
        "requests, and the usage that was told. Tokens are in prompts and answers; 'at most' is "
        "what the requests allow, as --max-tokens counts."
    )
    yield pricing.told
    yield (
        "The inspection, GET /models before the checks, finds out whether they can be run. Where "
        "an endpoint is slow to make a cache or a batch ready, it is asked more often than was "
        "recorded."
    )
    if run.max_requests is not None and run.max_requests < found.total.requests:
        yield f"The budget of {run.max_requests} requests would not be enough."
    if run.max_tokens is not None and run.max_tokens < found.total.most_tokens:
        yield f"The budget of {run.max_tokens} tokens would not be enough."
    if found.unrecorded:
        names = ", ".join(found.unrecorded[:SHOWN])
        more = len(found.unrecorded) - SHOWN
        yield (
            f"Not in it, since nothing was recorded of them: {names}"
            + (f" and {more} more" if more > 0 else "")
            + "."
        )


def _cells(share: Share) -> tuple[str, ...]:
    counts = (share.checks, share.requests, share.prompt_tokens, share.completion_tokens)
    dollars = "?" if share.dollars is None else f"{share.dollars:.4f}"
    return (share.topic, *(f"{count:,}" for count in (*counts, share.most_tokens)), dollars)


def _row(topic: str, *cells: str) -> str:
    return f"{topic:<24}" + "".join(f"{cell:>11}" for cell in cells)
