"""The account behind the key: what its tier lets through, what its balance pays for."""

import random
from bisect import bisect_right
from collections import Counter
from typing import Any

import pytest
from tests.simulator.scene import EDITION, HELLO, KEY, NOW, Clock, chat, request, simulator

from kimi_conformance import suite
from kimi_conformance.editions import Edition, Price, Tier, parse
from kimi_conformance.errors import UsageError
from kimi_conformance.simulator import Latency, Simulator
from kimi_conformance.simulator.accounts import Account
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.simulator.rate_limits import RateLimits

EDITIONS = suite.find().editions()
TIERS = [
    pytest.param(tier, id=f"{name}-{key}")
    for name, edition in EDITIONS.items()
    for key, tier in edition.tiers.items()
]
PROMPT = simulator().reply(chat()).json["usage"]["prompt_tokens"]
ACCOUNT = "Your account org-00000000000000000000000000000000<ak-00000000000000000000>"
IN_PROJECT = (
    "Your account org-00000000000000000000000000000000 / "
    "proj-00000000000000000000000000000000 <ak-00000000000000000000>"
)


def of(edition: Edition, **settings: Any) -> Simulator:
    return Simulator(edition, api_key=KEY, clock=Clock(), **settings)


class Oracle:
    """Counts over the whole history each time, and knows nothing of windows or queues."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.times: list[float] = []
        self.tokens = [0]
        self.ends: list[float] = []

    def verdict(self, now: float, tokens: int) -> str:
        tier = self.tier
        minute, day = (bisect_right(self.times, now - span) for span in (60, 86_400))
        total = self.tokens[-1] + tokens
        self.ends = [end for end in self.ends if end > now]
        if len(self.ends) >= tier.concurrency:
            return "concurrency"
        if len(self.times) - minute + 1 > tier.rpm:
            return "rpm"
        if total - self.tokens[minute] > tier.tpm:
            return "tpm"
        if tier.tpd is not None and total - self.tokens[day] > tier.tpd:
            return "tpd"
        return "admitted"

    def admit(self, now: float, tokens: int, seconds: float) -> None:
        self.times.append(now)
        self.tokens.append(self.tokens[-1] + tokens)
        self.ends.append(now + seconds)


def answer(limits: RateLimits, now: float, tokens: int) -> str:
    refusal = limits.admit(now, tokens)
    return "admitted" if refusal is None else refusal.kind


# ---------------------------------------------------------------- the tables


def test_both_editions_have_the_six_tiers_of_the_documents() -> None:
    assert {name: list(edition.tiers) for name, edition in EDITIONS.items()} == {
        name: ["free", "t1", "t2", "t3", "t4", "t5"] for name in ("2025-09", "2026-09")
    }


def test_tiers_without_words_for_their_refusals_are_refused() -> None:
    text = (suite.find().conformance / "editions" / "2025-09.toml").read_text("utf-8")

    with pytest.raises(UsageError, match="has tiers, so its errors need words for it: 'max_tpd'"):
        parse("2025-09", text.replace("[errors.max_tpd]", "[errors.max_day]"))


# ---------------------------------------------------------------- the gate


@pytest.mark.parametrize("tier", TIERS)
def test_a_crowd_gets_through_at_the_rate_of_the_table(tier: Tier) -> None:
    """Ten minutes in which more ask than may: as many as the table says get through in each."""
    limits = RateLimits(tier)
    rushes = [tier.rpm + tier.rpm // 8 + 1] * 10

    through = [
        sum(answer(limits, 60.0 * minute, 1) == "admitted" for _ in range(rush))
        for minute, rush in enumerate(rushes)
    ]

    assert through == [tier.rpm] * 10


@pytest.mark.parametrize("tier", TIERS)
def test_tokens_get_through_at_the_rate_of_the_table(tier: Tier) -> None:
    """An hour of long chats: the tokens of each minute, until those of the day are used up."""
    limits = RateLimits(tier)
    size = tier.tpm // min(tier.rpm, 10)
    in_a_minute = tier.tpm // size
    in_an_hour = min(in_a_minute * 60, (tier.tpd or 10**12) // size)

    said = Counter(
        answer(limits, 60.0 * minute, size) for minute in range(60) for _ in range(in_a_minute + 5)
    )

    assert said["admitted"] == in_an_hour
    assert said["concurrency"] == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tier", TIERS)
def test_an_hour_of_mixed_traffic_is_judged_like_a_count_of_the_whole_history(
    tier: Tier, seed: int
) -> None:
    """Rushes and lulls, short chats and long ones, quick answers and slow ones."""
    chance = random.Random(f"{seed}/{tier}")
    limits, oracle = RateLimits(tier), Oracle(tier)
    now = NOW
    said: Counter[str] = Counter()
    for _ in range(6000):
        now += chance.choice((0.0, 0.0, chance.expovariate(1 / 1.8)))
        tokens = chance.choice((1, tier.tpm // 40, tier.tpm // 5))
        expected = oracle.verdict(now, tokens)
        said[expected] += 1
        assert answer(limits, now, tokens) == expected
        if expected == "admitted":
            seconds = chance.expovariate(1 / (2 * tier.concurrency))
            limits.hold(now + seconds)
            oracle.admit(now, tokens, seconds)

    assert now - NOW > 3000
    assert said["admitted"] > 50
    assert len(said) >= 3


def test_a_refused_chat_counts_for_nothing() -> None:
    limits = RateLimits(Tier(concurrency=9, rpm=2, tpm=100))

    said = [answer(limits, now, tokens) for now, tokens in ((0, 90), (1, 11), (2, 10), (3, 0))]

    assert said == ["admitted", "tpm", "admitted", "rpm"]


def test_a_window_ends_a_minute_after_what_filled_it() -> None:
    limits = RateLimits(Tier(concurrency=9, rpm=1, tpm=100))

    said = [answer(limits, now, 1) for now in (10.0, 69.999, 70.0, 129.0)]

    assert said == ["admitted", "rpm", "admitted", "rpm"]


# ---------------------------------------------------------------- on the wire


def refusal(edition: Edition, tier: str, *asked: int) -> tuple[int, str, str, set[str]]:
    """Status, type, message and headers of the last of some chats with so many max_tokens."""
    limited = of(edition, tier=tier)
    model = edition.default_model
    *_, last = (limited.reply(chat(model=model, max_tokens=each)) for each in asked)
    error = last.json["error"]
    names = {name for name, value in last.headers if value == "1"}
    return last.status, error["type"], error["message"], names


def test_too_many_chats_a_minute_are_refused_in_the_recorded_words() -> None:
    assert refusal(EDITION, "free", 5, 5, 5, 5) == (
        429,
        "rate_limit_reached_error",
        f"{ACCOUNT} request reached organization max RPM: 3, please try again after 1 seconds",
        {"Retry-After", "X-Retry-After", "Msh-Cooldown-Seconds"},
    )


@pytest.mark.parametrize("stream", [False, True])
def test_too_many_chats_at_a_time_are_refused_until_the_last_frame(stream: bool) -> None:
    clock = Clock()
    latency = Latency(ttft=2.0, itl=0.5)
    limited = simulator(tier="free", clock=clock, latency=latency)
    first = limited.reply(chat(stream=stream))
    over = first.frames[-1].at

    clock.now = NOW + over - 0.01
    refused = limited.reply(chat())
    clock.now = NOW + over
    third = limited.reply(chat())

    assert over > 7
    assert refused.json["error"] == {
        "message": f"{ACCOUNT} request reached max organization concurrency: 1, "
        "please try again after 1 seconds",
        "type": "rate_limit_reached_error",
    }
    assert refused.header("Retry-After") is None
    assert third.status == 200


def test_too_many_tokens_a_minute_count_the_prompt_and_what_was_asked_for() -> None:
    """Not what is produced: both answers here have some twenty tokens."""
    model = EDITION.default_model
    limited = simulator(tier="free")

    first = limited.reply(chat(model="moonshot-v1-128k", max_tokens=31_000))
    second = limited.reply(chat(model=model, max_tokens=1000 - 2 * PROMPT + 1))
    third = limited.reply(chat(model=model, max_tokens=1000 - 2 * PROMPT))

    assert (first.status, second.status, third.status) == (200, 429, 200)
    assert first.json["usage"]["completion_tokens"] < 100
    assert second.json["error"] == {
        "message": f"{IN_PROJECT} request reached organization TPM rate limit, "
        "current: 32001, limit: 32000",
        "type": "rate_limit_reached_error",
    }


def test_a_chat_that_names_no_length_counts_with_the_default() -> None:
    limited = simulator(tier="free")

    said = [limited.reply(chat(model="moonshot-v1-128k", max_tokens=n)) for n in (30_976, None)]

    assert f"current: {30_976 + 1024 + 2 * PROMPT}," in said[1].json["error"]["message"]


def test_too_many_tokens_a_day() -> None:
    clock = Clock()
    limited = simulator(tier="free", clock=clock)
    size = 31_000

    statuses = []
    for _ in range(50):
        body = chat(model="moonshot-v1-128k", max_tokens=size - PROMPT)
        statuses.append(limited.reply(body).status)
        clock.now += 61
    last = limited.reply(chat(model="moonshot-v1-128k", max_tokens=size - PROMPT))

    assert statuses == [200] * 48 + [429] * 2
    assert last.json["error"]["message"] == (
        f"{IN_PROJECT} request reached organization TPD rate limit, "
        f"current: {49 * size}, limit: 1500000"
    )


def test_an_hour_on_the_wire_of_a_free_account() -> None:
    """A chat every five seconds: three a minute get through, whatever is broken in between."""
    clock = Clock()
    limited = simulator(tier="free", clock=clock)

    statuses: Counter[int] = Counter()
    for _ in range(720):
        statuses[limited.reply(chat(max_tokens=5)).status] += 1
        statuses[limited.reply(chat([])).status] += 1
        limited.reply(request("GET", "/v1/models"))
        clock.now += 5

    assert statuses == {200: 180, 429: 540, 400: 720}


def test_without_a_tier_nothing_is_limited() -> None:
    free = simulator()

    assert {free.reply(chat(max_tokens=8000)).status for _ in range(300)} == {200}


def test_an_unknown_tier_is_told() -> None:
    with pytest.raises(UsageError, match="no tier 't9'. Known: free, t1".replace(".", r"\.")):
        simulator(tier="t9")


# ---------------------------------------------------------------- balance


def test_a_chat_costs_what_the_model_costs() -> None:
    """moonshot-v1-8k: 0.2 dollars a million tokens of prompt, 2 of answer."""
    metered = simulator(balance=1.0, metered=True)

    usage = metered.reply(chat()).json["usage"]

    cost = usage["prompt_tokens"] * 0.2e-6 + usage["completion_tokens"] * 2e-6
    shown = metered.reply(request("GET", "/v1/users/me/balance")).json["data"]
    assert shown["cash_balance"] == pytest.approx(1.0 - cost, abs=1e-12)
    assert shown["available_balance"] == shown["cash_balance"]


@pytest.mark.parametrize(
    ("cached_price", "left"), [(0.5, 100 - 6 - 2 - 8), (None, 100 - 6 - 8 - 8)]
)
def test_cached_tokens_have_their_own_price_where_there_is_one(
    cached_price: float | None, left: float
) -> None:
    price = Price(input=2.0, output=4.0, cached=cached_price, source="here")
    account = Account(balance=100.0, metered=True)

    account.settle(0.0, price, prompt=7_000_000, cached=4_000_000, answer=2_000_000)

    assert account.balance == left


def test_a_model_of_unknown_price_costs_nothing() -> None:
    account = Account(balance=1.0, metered=True)

    account.settle(0.0, None, prompt=1_000_000, cached=0, answer=1_000_000)

    assert account.balance == 1.0


@pytest.mark.parametrize(
    ("edition", "status", "says"),
    [
        ("2025-09", 403, "exceeded current quota, please check your plan"),
        ("2026-09", 429, "is suspended due to insufficient balance"),
    ],
)
def test_the_last_chat_may_end_in_a_debt_and_then_there_are_none(
    edition: str, status: int, says: str
) -> None:
    served = EDITIONS[edition]
    metered = of(served, balance=0.00001, metered=True)
    asked = chat(HELLO, model=served.default_model)

    answers = [metered.reply(asked) for _ in range(9)]
    shown = metered.reply(request("GET", "/v1/users/me/balance")).json["data"]

    statuses = [each.status for each in answers]
    assert statuses == sorted(statuses, key=lambda each: each != 200)
    assert (statuses[0], statuses[-1]) == (200, status)
    assert answers[-1].json["error"]["type"] == "exceeded_current_quota_error"
    assert says in answers[-1].json["error"]["message"]
    assert answers[-1].header("Retry-After") is None
    assert shown["available_balance"] == 0
    assert shown["cash_balance"] < 0


def test_a_balance_that_is_not_metered_stays() -> None:
    free = simulator(balance=0.5)

    for _ in range(50):
        free.reply(chat())

    assert free.reply(request("GET", "/v1/users/me/balance")).json["data"]["cash_balance"] == 0.5


def test_a_refused_chat_is_not_paid_for() -> None:
    metered = simulator(balance=1.0, metered=True, tier="free")
    for _ in range(3):
        metered.reply(chat(max_tokens=3))
    before = metered.reply(request("GET", "/v1/users/me/balance")).json["data"]

    metered.reply(chat(max_tokens=3))
    metered.reply(chat([]))

    assert metered.reply(request("GET", "/v1/users/me/balance")).json["data"] == before


# ---------------------------------------------------------------- outages by name


@pytest.mark.parametrize(
    ("switch", "status", "type"),
    [
        ("engine_overloaded", 429, "engine_overloaded_error"),
        ("content_filter", 400, "content_filter"),
        ("server_error", 500, "server_error"),
        ("gateway_timeout", 504, None),
    ],
)
def test_what_else_can_happen_to_an_account_has_a_switch(
    switch: str, status: int, type: str | None
) -> None:
    always, never = simulator(parse_switch(switch)), simulator(parse_switch(f"{switch}:p=0"))

    answer = always.reply(chat())

    assert answer.status == status
    assert (answer.json["error"]["type"] if type else None) == type
    assert never.reply(chat()).status == 200
