"""
What a run would send and cost, read off the recordings of its checks.

Each recording holds the requests that its check sends, and the usage that was told for them.
Where the recordings are of the simulator, so are the counts of tokens; a model that answers at
greater length costs more, up to what the requests allow, which is given beside it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kimi_conformance.cassettes import read
from kimi_conformance.cli.checking.pricing import Pricing
from kimi_conformance.cli.checking.pytest_child import CheckRun
from kimi_conformance.cli.drifting.recordings import Recording
from kimi_conformance.cli.keeping.proof import checks_by_requirement
from kimi_conformance.requirements import Catalogue, Requirement
from kimi_conformance.stage import Budget
from kimi_conformance.suite import Suite
from kimi_conformance.wire.exchange import Exchange
from kimi_conformance.wire.sse import decode

__all__ = ["Estimate", "Share", "estimate", "of_drift"]


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


def estimate(suite: Suite, run: CheckRun, pricing: Pricing) -> Estimate:
    """What the run would take, by the recordings of its checks.

    Raises:
        CassetteError: A recording is damaged.
        UsageError: The run names a requirement that there is not.
    """
    catalogue = suite.catalogue()
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
        times = _times(run, topic, wanted[check])
        share = _share(topic, cassette.interactions, pricing, times)
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


def of_drift(again: Sequence[Recording], price: Pricing) -> Share:
    """What it takes to send each of these requests twice."""
    share = Share("drift")
    for one in again:
        share.add(_share("drift", one.exchanges, price, 2, checks=0))
    return share


def _share(
    topic: str, exchanges: Sequence[Exchange], price: Pricing, times: float, checks: int = 1
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
