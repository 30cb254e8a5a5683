"""The live source: it forwards, swaps the key, keeps to the budget, and hides nothing."""

import json
from collections.abc import Iterator

import pytest

from kimi_conformance.errors import BudgetError, TransportError, UsageError
from kimi_conformance.http import httpx
from kimi_conformance.stage import Budget, Lane, Live, Script, Stage, replies
from kimi_conformance.wire.exchange import Answer, Ending, Request

REAL_KEY = "sk-real-0123456789abcdef"
PLACEHOLDER = "sk-placeholder"


class Host:
    """Somebody else's server, played by a second lane."""

    def __init__(self, stage: Stage) -> None:
        self.script = Script()
        self.lane = stage.open_lane(self.script)

    @property
    def sent(self) -> list[Request]:
        assert self.lane.journal is not None
        return list(self.lane.journal.requests)


@pytest.fixture
def host(stage: Stage) -> Host:
    return Host(stage)


@pytest.fixture
def lane(stage: Stage, host: Host) -> Iterator[Lane]:
    live = Live(host.lane.base_url, REAL_KEY, placeholder=PLACEHOLDER, budget=Budget(), seconds=1)
    lane = stage.open_lane(live)
    yield lane
    stage.close_lane(lane)


def ask(lane: Lane, key: str = PLACEHOLDER, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=5) as client:
        return client.get(
            f"{lane.base_url}/models?x=1", headers={"Authorization": f"Bearer {key}", **headers}
        )


def test_an_answer_comes_through_unchanged(lane: Lane, host: Host) -> None:
    host.script.answers[:] = [replies.rate_limited(retry_after=3)]

    response = ask(lane)

    assert (response.status_code, response.headers["retry-after"]) == (429, "3")
    assert (host.sent[0].path, host.sent[0].query) == ("/v1/models", "x=1")


def test_the_placeholder_becomes_the_real_key_and_no_other_key_does(lane: Lane, host: Host) -> None:
    host.script.answers[:] = [replies.model_list([])]

    ask(lane)
    ask(lane, key="sk-wrong")

    assert [request.header("Authorization") for request in host.sent] == [
        f"Bearer {REAL_KEY}",
        "Bearer sk-wrong",
    ]


def test_the_real_key_is_in_no_journal_of_the_client(lane: Lane, host: Host) -> None:
    host.script.answers[:] = [replies.model_list([])]

    ask(lane)

    assert lane.journal is not None
    assert REAL_KEY not in repr(lane.journal.exchanges)


def test_a_redirection_is_handed_back_and_not_followed(lane: Lane, host: Host) -> None:
    host.script.answers[:] = [replies.redirect("http://elsewhere.invalid/")]

    assert ask(lane).status_code == 307
    assert len(host.sent) == 1


@pytest.mark.parametrize(
    ("ending", "breaks"), [(Ending.CUT, replies.cut), (Ending.RESET, replies.reset)]
)
def test_a_stream_that_breaks_off_breaks_off_for_the_client(
    lane: Lane, host: Host, ending: Ending, breaks: object
) -> None:
    whole = replies.stream_of(replies.text_chunks("a"))
    host.script.answers[:] = [breaks(whole, 2)]  # type: ignore[operator]

    with pytest.raises(httpx.TransportError):
        ask(lane)

    assert lane.journal is not None
    assert lane.journal.exchanges[0].answer.ending in {Ending.CUT, Ending.RESET}
    assert ending is not Ending.COMPLETE


def test_an_endpoint_that_is_not_there_is_a_trouble_of_the_lane(stage: Stage) -> None:
    nobody = Live("http://127.0.0.1:9/v1", REAL_KEY, placeholder=PLACEHOLDER, budget=Budget())
    lane = stage.open_lane(nobody)

    with pytest.raises(httpx.TransportError):
        ask(lane)

    (trouble,) = lane.troubles
    assert isinstance(trouble, TransportError)
    assert "GET http://127.0.0.1:9/v1/models" in str(trouble)
    assert REAL_KEY not in str(trouble)


def chat(max_tokens: int) -> Request:
    body = json.dumps({"model": "m", "messages": [], "max_tokens": max_tokens}).encode()
    return Request(method="POST", path="/v1/chat/completions", body=body)


def test_a_request_beyond_the_budget_is_not_sent(stage: Stage, host: Host) -> None:
    host.script.answers[:] = [replies.model_list([])]
    budget = Budget(max_requests=1)
    lane = stage.open_lane(
        Live(host.lane.base_url, REAL_KEY, placeholder=PLACEHOLDER, budget=budget)
    )

    ask(lane)
    with pytest.raises(httpx.TransportError):
        ask(lane)

    assert len(host.sent) == 1
    assert isinstance(lane.troubles[0], BudgetError)


def test_the_budget_counts_prompt_and_requested_completion() -> None:
    budget = Budget(max_tokens=200)
    request = chat(max_tokens=100)

    budget.spend(request)

    assert budget.tokens == 100 + len(request.body) // 4
    with pytest.raises(BudgetError, match="--max-tokens"):
        budget.spend(request)
    assert budget.requests == 1


@pytest.mark.parametrize("url", ["api.moonshot.cn/v1", "ftp://x/v1", "http://", ""])
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no base URL"):
        Live(url, REAL_KEY, placeholder=PLACEHOLDER, budget=Budget())


@pytest.mark.parametrize("key", ["sk-a\n", "sk a", "sk-ü"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        Live("http://127.0.0.1:9/v1", key, placeholder=PLACEHOLDER, budget=Budget())

    assert key.strip() not in str(caught.value)


def test_a_path_beside_v1_goes_to_the_root_of_the_host(stage: Stage, host: Host) -> None:
    seen: list[str] = []

    def notice(request: Request) -> Answer:
        seen.append(request.path)
        return replies.model_list([])

    host.script.answers[:] = [notice]
    lane = stage.open_lane(
        Live(f"http://127.0.0.1:{stage.port}", REAL_KEY, placeholder=PLACEHOLDER, budget=Budget())
    )
    prefix = host.lane.base_url.split("/")[3]
    own = lane.base_url.removesuffix("/v1")
    with httpx.Client(trust_env=False, timeout=5) as client:
        client.get(f"{own}/{prefix}/anthropic/messages")

    assert seen == ["/anthropic/messages"]
