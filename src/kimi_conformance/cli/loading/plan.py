"""
What a load run would send and cost, and whether that is enough to decide: said before it is sent.

Without the word of the user (--yes-live), only few requests go to an endpoint that may bill them.
"""

import math
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from kimi_conformance.cli.asking.load_options import Bounds
from kimi_conformance.cli.asking.target import (
    DEFAULT_BASE_URL,
    DEFAULT_EDITION,
    LiveEndpoint,
    Target,
    requests_to_inspect,
)
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError
from kimi_conformance.load.running.launch import foresee_scenario
from kimi_conformance.load.users.spending import Spending
from kimi_conformance.slo import Objective, parse, requests_to_decide
from kimi_conformance.suite import Suite

__all__ = ["FREE", "foreseen", "guard", "plan_of_load", "say_load", "spending_of", "tell_load"]

FREE = 50  # requests that may be sent to a live endpoint without further word
_OF_REQUESTS = {"success", "response_s", "goodput"}
_OF_STREAMS = {"ttft_s"}


def spending_of(suite: Suite, edition: str, model: str | None, bounds: Bounds) -> Spending:
    """What may be spent, at the prices that the user gives, else those of the edition.

    Raises:
        UsageError: There is a limit of dollars, and the price is not known.
    """
    found = suite.edition(edition)
    listed = found.find(model or found.default_model)
    price = listed.price if listed else None
    said_in, said_out = bounds.price_in, bounds.price_out
    return Spending(
        max_requests=bounds.max_requests,
        max_tokens=bounds.max_tokens,
        max_cost=bounds.max_cost,
        price_in=(price.input if price else None) if said_in is None else said_in,
        price_out=(price.output if price else None) if said_out is None else said_out,
        unsaid_tokens=listed.max_tokens if listed else 1024,
    )


def foreseen(suite: Suite, lane: str, *, edition: str | None, live: LiveEndpoint) -> Target:
    """What a run would ask, as far as can be told without asking it.

    Raises:
        UsageError: There is no such edition, or the base URL is none.
    """
    if live.base_url is not None:
        from kimi_conformance.stage import refuse_address  # slow to import

        refuse_address(live.base_url)
    name = suite.edition(edition or DEFAULT_EDITION).name
    inspecting = requests_to_inspect() if lane == "live" else 0
    return Target(lane, name, live.base_url, None, live.model, requests=inspecting)


def plan_of_load(
    suite: Suite,
    scenario: str,
    target: Target,
    duration_s: float,
    bounds: Bounds,
    expected_bad: float = 0.0,
) -> dict[str, Any]:
    """What a run would send and cost, and what it would decide; nothing is sent.

    Raises:
        UsageError: There is no such scenario, or it is wrong.
    """
    file = suite.scenario(scenario)
    spending = spending_of(suite, target.edition, target.model, bounds)
    model = target.model or suite.edition(target.edition).default_model
    plan = foresee_scenario(file, model=model, duration_s=duration_s, spending=spending)
    dollars = spending.dollars(plan["prompt_tokens"], plan["answer_tokens"])
    promised = parse((file.parent / "slo.toml").read_text("utf-8")).of(scenario)
    return {
        **plan,
        "edition": target.edition,
        "base_url": target.base_url,
        "target": target.lane,
        "inspection": target.requests,
        "dollars": round(dollars, 6) if spending.priced else None,
        "price_in": spending.price_in,
        "price_out": spending.price_out,
        "limits": spending.limits,
        "expected_bad": expected_bad,
        "objectives": [
            decided
            for objective in promised
            if (decided := _decided(objective, plan, expected_bad)) is not None
        ],
    }


def _decided(
    objective: Objective, plan: Mapping[str, Any], expected_bad: float
) -> dict[str, Any] | None:
    """Whether the run would decide an objective; None for one that is not of requests."""
    if objective.tolerated is None or objective.metric not in {*_OF_REQUESTS, *_OF_STREAMS}:
        return None
    planned = plan["judged_streams" if objective.metric in _OF_STREAMS else "judged"]
    needed = requests_to_decide(objective, expected_bad)
    length = plan["seconds"] * needed / planned if needed and planned else None
    return {
        "name": objective.name,
        "planned": planned,
        "needed": needed,
        "decided": needed is not None and planned >= needed,
        "seconds_needed": None if length is None else math.ceil(length),
    }


def tell_load(plan: Mapping[str, Any], json_file: str | None) -> None:
    """Say what a run would send, to people and machines."""
    say_load(plan, json_file)
    show.answer({"plan": dict(plan)}, json_file)


def say_load(plan: Mapping[str, Any], json_file: str | None) -> None:
    """Say it to people only."""
    where = plan["base_url"] or ("the simulator" if plan["target"] != "live" else DEFAULT_BASE_URL)
    about = f"{plan['scenario']}, {where}, edition {plan['edition']}, {plan['model']}"
    show.say(f"Plan of {about}: nothing was sent.\n", json_file)
    for line in _lines(plan):
        show.say(line, json_file)


def _lines(plan: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{plan['requests']:,} requests in {plan['seconds']:g} s by {plan['users']} users, "
        f"{plan['judged']:,} of them after the warm-up of {plan['warm_up_s']:g} s; "
        f"an answer is assumed to take {plan['response_s']:g} s."
    )
    if plan["inspection"]:
        yield "Before them, GET /models is asked for once; --max-requests counts it, too."
    yield (
        f"{plan['prompt_tokens']:,} tokens of prompts, estimated, and at most "
        f"{plan['answer_tokens']:,} of answers."
    )
    yield _cost(plan)
    for option, limit in plan["limits"].items():
        yield f"It would end at {option} {limit:,.10g}."
    if plan["objectives"]:
        bad = f"{100 * plan['expected_bad']:g} %"
        yield f"\nIf {bad} of the requests are bad, this decides:"
    for each in plan["objectives"]:
        yield f"  {each['name']:<16} {_sized(each)}"
    for note in plan["notes"]:
        yield f"\nNot foreseen: {note}"


def _cost(plan: Mapping[str, Any]) -> str:
    if plan["dollars"] is None:
        return (
            f"The price of {plan['model']} is not known: give --price-in and --price-out, in "
            "dollars a million tokens."
        )
    return (
        f"At most ${plan['dollars']:,.4f}, at ${plan['price_in']:g} in and "
        f"${plan['price_out']:g} out a million tokens."
    )


def _sized(each: Mapping[str, Any]) -> str:
    if each["needed"] is None:
        return "never: just as many would be bad as it tolerates"
    if each["decided"]:
        return f"yes: it takes {each['needed']:,} requests of {each['planned']:,}"
    length = f"; --duration {each['seconds_needed']}s would do" if each["seconds_needed"] else ""
    return f"no: it takes {each['needed']:,} requests, and {each['planned']:,} are planned{length}"


def guard(
    suite: Suite,
    scenario: str,
    target: Target,
    duration_s: float,
    bounds: Bounds,
    *,
    yes_live: bool,
) -> None:
    """Refuse to send much to an endpoint that may bill it, unless the user has said so.

    An endpoint on this machine bills nobody.

    Raises:
        UsageError: More than `FREE` requests are planned, and nobody said that this is meant.
    """
    url = target.base_url or DEFAULT_BASE_URL
    if target.lane != "live" or yes_live or _is_here(url):
        return
    if bounds.max_requests is not None and bounds.max_requests <= FREE:
        return
    plan = plan_of_load(suite, scenario, target, duration_s, bounds)
    requests = min(plan["requests"], bounds.max_requests or math.inf)
    if requests <= FREE:
        return
    raise UsageError(
        f"{scenario} would send some {requests:,} requests to {url} in {duration_s:g} s: "
        f"{plan['prompt_tokens']:,} tokens of prompts and up to {plan['answer_tokens']:,} of "
        f"answers. {_cost(plan)} Nothing was sent. If that is meant, add --yes-live; bound it with "
        f"--max-requests, --max-tokens or --max-cost (up to {FREE} requests need no word); see it "
        "in full with --plan."
    )


def _is_here(url: str) -> bool:
    """Whether a URL leads to this machine, by its address."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
