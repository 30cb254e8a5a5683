"""A plan of a run, as people and machines are told it before anything is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from kimi_conformance.cli.asking.target import Target
from kimi_conformance.cli.checking.estimate import Estimate, Share, estimate, of_drift
from kimi_conformance.cli.checking.pricing import Prices, Pricing
from kimi_conformance.cli.checking.pytest_child import CheckRun
from kimi_conformance.cli.drifting.recordings import Recording
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError
from kimi_conformance.suite import Suite

__all__ = ["Prices", "tell"]

SHOWN = 5  # checks without a recording that are named


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
    pricing = Pricing(suite.edition(run.edition), run.model, run.model_is, prices)
    found = estimate(suite, run, pricing)
    if not found.shares:
        raise UsageError(
            f"Of these checks nothing was recorded in edition {run.edition}, so nothing can be "
            "estimated. Record it with: kimi-conformance record"
        )
    before = [Share("inspection", requests=target.requests)] if target.requests else []
    after = [of_drift(again, pricing)] if again else []
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


def _notes(found: Estimate, run: CheckRun, pricing: Pricing) -> Iterator[str]:
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
