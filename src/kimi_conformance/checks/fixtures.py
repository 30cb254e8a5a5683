"""
The fixtures of a check.

`conformance/conftest.py` imports them, so they exist there and nowhere else. This module
brings in the stage, the simulator and the adapters, which the plugin itself must not.
"""

from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import replace
from functools import partial

import pytest
import pytest_asyncio

from kimi_conformance.adapters.protocol import Adapter, Binding
from kimi_conformance.checks.bench import Bench
from kimi_conformance.checks.endpoint import Endpoint
from kimi_conformance.checks.factories import PLACEHOLDER_KEY
from kimi_conformance.checks.item import CheckItem
from kimi_conformance.checks.opening import OpenAdapter
from kimi_conformance.checks.sampling import AT_ONCE, Sampling
from kimi_conformance.checks.standstill import Tolerance
from kimi_conformance.checks.upstream import FakeClock, Service, Upstream
from kimi_conformance.editions import Edition
from kimi_conformance.plugin import CHECK, CHECKS, bench_of
from kimi_conformance.stage import Script
from kimi_conformance.stage.pacing import LONGEST
from kimi_conformance.verdicts import InconclusiveError

__all__ = [
    "CHECKS",
    "adapter",
    "bench",
    "binding",
    "check",
    "clock",
    "edition",
    "endpoint",
    "impatient",
    "model",
    "open_adapter",
    "sampling",
    "service",
    "timed",
    "upstream",
]


PATIENCE = 3.0  # seconds of silence; a script answers at once, but a busy machine may not
IMPATIENCE = 0.5  # where the script means never to answer
EXCHANGE = 0.15  # seconds, amply, that a client and a script need of an undisturbed machine
APART = Tolerance(within=0.2, lost=0.15)  # a script holds an answer back for 0.2 s or longer


@pytest.fixture(scope="session")
def bench(pytestconfig: pytest.Config) -> Bench:
    """What all checks of this session share."""
    return bench_of(pytestconfig)


@pytest.fixture
def check(request: pytest.FixtureRequest, bench: Bench) -> CheckItem:
    """This check, its SUT and its lanes."""
    item: CheckItem = request.node.stash[CHECK]
    _require_claim(item, bench)
    if "clock" in request.fixturenames and item.adapter is not None:
        _require_clock(bench.adapters.info(item.adapter))
    _set_tolerance(item, request.fixturenames)
    return item


def _set_tolerance(item: CheckItem, names: Collection[str]) -> None:
    """What a check can bear of a machine that stands still, where it is about time."""
    if "timed" in names:
        item.tolerance = APART
    if "impatient" in names:
        item.patience = IMPATIENCE


def _require_claim(item: CheckItem, bench: Bench) -> None:
    """Leave at once where the SUT does not claim what the requirement is about."""
    for wanted in item.capabilities:
        if item.adapter is None:
            if wanted in bench.options.without:
                item.not_claimed = f"the endpoint does not claim '{wanted}'"
        elif wanted not in bench.adapters.info(item.adapter).capabilities:
            item.not_claimed = f"{bench.adapters.info(item.adapter).name} does not claim '{wanted}'"
    if item.not_claimed:
        pytest.skip(item.not_claimed)


def _require_clock(client: Adapter) -> None:
    """Leave where the check moves a clock that the client, in a process of its own, has no part in.

    Raises:
        InconclusiveError: What the check would see decides nothing.
    """
    if not getattr(client, "follows_clock", True):
        raise InconclusiveError(
            f"{client.name} claims this, but does not take its time from the check: let its "
            "process offer the feature 'clock' (docs/process-adapter.md)"
        )


@pytest.fixture
def edition(bench: Bench) -> Edition:
    """The edition of the API that this run is judged against."""
    return bench.edition


@pytest.fixture
def model(bench: Bench) -> str:
    """The model that this run asks."""
    return bench.model


@pytest.fixture
def clock() -> FakeClock:
    """Time that only this check moves; an adapter opened beside it runs on it."""
    return FakeClock()


@pytest.fixture
def upstream(check: CheckItem, bench: Bench) -> Iterator[Upstream]:
    """An API whose answers the check writes itself."""
    script = Script()
    lane = bench.stage.open_lane(script)
    check.lanes.append(lane)
    yield Upstream(lane, script)
    bench.stage.close_lane(lane)


@pytest.fixture
def service(check: CheckItem, bench: Bench) -> Iterator[Service]:
    """The API as the lane of this run provides it."""
    lane = bench.stage.open_lane(bench.source_of("endpoint", check.cassette))
    check.lanes.append(lane)
    check.recorded = lane
    yield Service(lane)
    bench.stage.close_lane(lane)


@pytest.fixture
def impatient() -> None:
    """For checks of silence: a client is asked to give up early."""


@pytest.fixture
def timed() -> None:
    """For checks that tell what comes early from what the script holds back for a moment."""


@pytest.fixture
def binding(request: pytest.FixtureRequest, bench: Bench) -> Binding:
    """What an adapter is told: upstream or service as its API, the placeholder as its key."""
    names = request.fixturenames
    scripted = "upstream" in names
    api: Service = request.getfixturevalue("upstream" if scripted else "service")
    base = Binding(
        base_url=api.base_url,
        api_key=PLACEHOLDER_KEY,
        patience=(IMPATIENCE if "impatient" in names else PATIENCE) if scripted else None,
        edition=bench.edition.name,
    )
    if scripted or "clock" in names:  # before a script, nobody needs to wait in earnest
        return replace(base, clock=request.getfixturevalue("clock"))
    return base


@pytest_asyncio.fixture
async def open_adapter(
    check: CheckItem, bench: Bench, binding: Binding
) -> AsyncIterator[OpenAdapter]:
    """Opens the adapter, with `binding` changed as the keywords say; closed after the check."""
    assert check.adapter is not None

    def open_one(told: Binding) -> Adapter:
        if check.tolerance is None and told.patience is not None:
            check.tolerance = Tolerance(within=told.patience, lost=told.patience - EXCHANGE)
        return bench.open_for(check, told)

    opening = OpenAdapter(open_one, binding)
    yield opening
    await opening.close_all()


@pytest.fixture
def adapter(open_adapter: OpenAdapter) -> Adapter:
    """The client under test, bound to `upstream` or `service`."""
    adapter: Adapter = open_adapter()
    return adapter


@pytest_asyncio.fixture
async def endpoint(check: CheckItem, bench: Bench) -> AsyncIterator[Endpoint]:
    """The server under test."""
    assert check.endpoint is not None
    if check.endpoint == "vacuum:nobody":
        base_url = "http://127.0.0.1:9/v1"  # the discard port: nobody listens
    else:
        lane = bench.stage.open_lane(bench.source_of(check.endpoint, check.cassette))
        check.lanes.append(lane)
        check.recorded = lane
        base_url = lane.base_url
    patience = bench.options.time_limit * 0.7  # the rest is for the check itself
    endpoint = Endpoint(
        base_url,
        PLACEHOLDER_KEY,
        bench.model,
        bench.edition,
        seconds=patience + (LONGEST if bench.options.lane == "live" else 0.0),
        patience=patience,
        model_is=bench.options.model_is,
        without=bench.options.without,
    )
    try:
        yield endpoint
    finally:
        await endpoint.aclose()


@pytest.fixture
def sampling(check: CheckItem, bench: Bench, endpoint: Endpoint) -> Sampling:
    """Asks the server under test as often as the requirement, or the run, says."""
    assert check.requirement.sample is not None
    live = bench.options.lane == "live"  # elsewhere in order, so that recordings can be repeated
    return Sampling(
        endpoint,
        check.requirement.sample,
        size=bench.options.samples,
        at_once=AT_ONCE if live else 1,
        report=partial(bench.add_sample, check),
    )
