"""What a run may spend: paid at its worst before, as counted after, shared among workers."""

import json
from typing import Any

import pytest

from kimi_conformance.errors import BudgetError, UsageError
from kimi_conformance.load.users.spending import Account, Spending


def body(**fields: Any) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": "Hi"}], **fields}).encode()


def test_a_request_is_paid_at_its_worst_and_then_as_it_was_counted() -> None:
    account = Account(Spending(max_tokens=1000, price_in=1.0, price_out=10.0))
    request = body(max_tokens=100)

    paid = account.reserve(request)
    tokens, dollars = account.tokens, account.dollars
    account.settle(paid, 200, 12, 30)

    assert tokens == len(request) + 100
    assert dollars == pytest.approx((len(request) + 1000) / 1e6)
    assert (account.requests, account.tokens) == (1, 42)
    assert account.dollars == pytest.approx((12 + 300) / 1e6)


@pytest.mark.parametrize(
    ("fields", "answer"),
    [({}, 512), ({"max_tokens": 7}, 7), ({"max_completion_tokens": 9}, 9), ({"n": 3}, 1536)],
)
def test_an_answer_may_have_what_the_request_allows_or_what_the_model_does(
    fields: dict[str, Any], answer: int
) -> None:
    account = Account(Spending(unsaid_tokens=512))

    assert account.reserve(body(**fields)).answer == answer


def test_a_request_without_messages_asks_for_no_tokens() -> None:
    account = Account(Spending(max_tokens=1))

    account.reserve(b"")
    account.reserve(b'{"model": "kimi-k2.6", "ttl": 300}')

    assert (account.requests, account.tokens) == (2, 0)


@pytest.mark.parametrize(
    ("status", "counted", "left"),
    [(429, (None, None), False), (503, (None, None), True), (None, (None, None), True)],
)
def test_what_was_not_counted_stays_at_its_worst_unless_it_was_refused(
    status: int | None, counted: tuple[None, None], left: bool
) -> None:
    account = Account(Spending())

    account.settle(account.reserve(body(max_tokens=10)), status, *counted)

    assert bool(account.tokens) is left


@pytest.mark.parametrize(
    "limit", [{"max_requests": 3}, {"max_tokens": 3 * 200}, {"max_cost": 3 * 200 / 1e6}]
)
def test_no_limit_is_passed_even_by_what_is_under_way(limit: dict[str, Any]) -> None:
    account = Account(Spending(**limit, price_in=1.0, price_out=1.0))
    request = body(max_tokens=200 - len(body(max_tokens=100)))

    for _ in range(3):
        account.reserve(request)
    with pytest.raises(BudgetError, match="does not cover another request"):
        account.reserve(request)

    assert (account.requests, account.refused) == (3, 1)
    assert account.reached == "--" + next(iter(limit)).replace("_", "-")


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_shares_of_workers_never_add_up_to_more(count: int) -> None:
    whole = Spending(max_requests=100, max_tokens=1001, max_cost=0.1, price_in=1.0, price_out=1.0)

    shares = [whole.share(number, count) for number in range(count)]

    assert sum(share.max_requests or 0 for share in shares) == 100
    assert sum(share.max_tokens or 0 for share in shares) == 1001
    assert 0.0999999 < sum(share.max_cost or 0 for share in shares) <= 0.1


def test_what_was_sent_before_the_load_is_spent() -> None:
    whole = Spending(max_requests=5, sent=1)

    left = [Account(whole.share(number, 2)) for number in range(2)]

    assert [account.requests for account in left] == [1, 0]
    with pytest.raises(BudgetError, match="--max-requests 1 does not cover another"):
        Account(Spending(max_requests=1, sent=1)).reserve(body())


def test_what_is_not_limited_is_not_limited_for_workers() -> None:
    assert Spending().share(0, 2) == Spending()


def test_fewer_requests_than_workers_are_refused() -> None:
    with pytest.raises(UsageError, match="--max-requests 2 cannot be shared by 3 workers"):
        Spending(max_requests=2).share(0, 3)


@pytest.mark.parametrize("limits", [{"max_requests": 0}, {"max_tokens": -1}])
def test_a_limit_is_above_zero(limits: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="it must be a number above 0"):
        Spending(**limits)


def test_a_large_limit_is_written_out() -> None:
    account = Account(Spending(max_tokens=1_500_000, unsaid_tokens=2_000_000))

    with pytest.raises(BudgetError, match="--max-tokens 1,500,000 does not cover another"):
        account.reserve(body())


def test_dollars_need_a_price() -> None:
    with pytest.raises(UsageError, match="--price-in and --price-out"):
        Spending(max_cost=1.0, price_in=1.0)


def test_what_was_spent_is_told() -> None:
    account = Account(Spending(max_requests=1))
    account.reserve(body())
    with pytest.raises(BudgetError):
        account.reserve(body())

    row = account.row()

    assert row["limits"] == {"--max-requests": 1}
    assert (row["requests"], row["refused"], row["reached"]) == (1, 1, "--max-requests")
    assert row["dollars"] is None
