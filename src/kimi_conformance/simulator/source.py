"""The simulator as a source of the stage."""

import time
from collections.abc import Callable, Sequence

from kimi_conformance.editions import Edition
from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.simulator.accounts import BALANCE, Account
from kimi_conformance.simulator.faults import FaultSwitch, Parameters, Sound
from kimi_conformance.simulator.faults.fault import Serve
from kimi_conformance.simulator.latency import INSTANT, Latency
from kimi_conformance.simulator.rate_limits import RateLimits
from kimi_conformance.simulator.routes import reply_to
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["Simulator"]


class Simulator:
    """The embedded Kimi API.

    The same edition, seed, faults and clock give the same bytes to the same requests in the
    same order.

    Args:
        edition: The API as of which date.
        api_key: The one key that is accepted.
        seed: What random choices come from.
        latency: Of chat completions.
        faults: What is wrong with it; the first one stands nearest to the client.
        clock: Seconds since the Unix epoch.
        cache_pending: Seconds until a new context cache is ready; 40 to 60 in truth.
        balance: Of the account, in dollars; at 0 or below it chats are refused.
        metered: Whether chats are paid for from it.
        tier: Whose rate limits hold; None: there are none.
        answered: How many answers count as given before the first one: ids come from that.

    Raises:
        UsageError: The edition has no such tier.
    """

    def __init__(
        self,
        edition: Edition,
        *,
        api_key: str,
        seed: int = 0,
        latency: Latency = INSTANT,
        faults: Sequence[FaultSwitch] = (),
        clock: Callable[[], float] = time.time,
        cache_pending: float = 0.0,
        balance: float = BALANCE,
        metered: bool = False,
        tier: str | None = None,
        answered: int = 0,
    ) -> None:
        self._world = World(
            edition=edition,
            api_key=api_key,
            seed=seed,
            latency=latency,
            cache_pending=cache_pending,
            account=Account(
                balance=balance,
                metered=metered,
                limits=None if tier is None else _limits(edition, tier),
            ),
            number=answered,
        )
        self._clock = clock
        self._faults = [(switch, switch.settings) for switch in faults]
        self._counts = [0] * len(faults)

    @property
    def kind(self) -> str:
        """As exchanges carry it."""
        return "simulator"

    @property
    def edition(self) -> Edition:
        """The API that is served."""
        return self._world.edition

    async def answer(self, request: Request) -> Answer:
        """What the client is to receive."""
        return self.reply(request)

    def reply(self, request: Request) -> Answer:
        """The same, for callers without an event loop."""
        now = self._clock()
        if not self._faults:
            return reply_to(request, self._world, now)
        return self._faulty(now, request)(request, frozenset())

    def _faulty(self, now: float, request: Request) -> Serve:
        """The API with the faults around it that strike this request."""

        def sound(request: Request, waived: frozenset[str]) -> Answer:
            return reply_to(request, self._world, now, waived)

        serve: Serve = sound
        for number in reversed(range(len(self._faults))):
            switch, settings = self._faults[number]
            if switch.touches(request):
                self._counts[number] += 1
                if switch.strikes(self._counts[number], self._world.seed):
                    serve = _around(serve, switch, settings, self._world, now)
        return serve


def _limits(edition: Edition, tier: str) -> RateLimits:
    if tier not in edition.tiers:
        raise UsageError(
            f"Edition {edition.name} has no tier '{tier}'. {nearest(tier, edition.tiers)}"
        )
    return RateLimits(edition.tiers[tier])


def _around(
    serve: Serve, switch: FaultSwitch, settings: Parameters, world: World, now: float
) -> Serve:
    def faulty(request: Request, waived: frozenset[str]) -> Answer:
        def inner(request: Request, more: frozenset[str]) -> Answer:
            return serve(request, waived | more)

        return switch.fault.change(request, Sound(inner, world, now), settings)

    return faulty
