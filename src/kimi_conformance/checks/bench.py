"""
Everything that the checks of one pytest session share: options, stage, catalogue, SUTs.

The plugin makes one bench when the first check is collected; fixtures ask it for lanes and
adapters, and hooks hand it what a check said.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kimi_conformance import __version__, suite
from kimi_conformance.adapters.protocol import Adapter, Binding
from kimi_conformance.cassettes import Player, Provenance, read
from kimi_conformance.cassettes.cassette import SIMULATOR_ORIGIN
from kimi_conformance.cassettes.recorder import record
from kimi_conformance.checks.cells import Cells
from kimi_conformance.checks.evidence import Evidence
from kimi_conformance.checks.excuses import Excuses
from kimi_conformance.checks.factories import PLACEHOLDER_KEY, Adapters
from kimi_conformance.checks.item import (
    CheckItem,
    Phase,
    adapter_record,
    endpoint_record,
    outcome_of,
)
from kimi_conformance.checks.options import Options
from kimi_conformance.checks.standstill import Standstill
from kimi_conformance.checks.valued import Turns, end_of
from kimi_conformance.editions import Edition
from kimi_conformance.errors import AdapterError, CassetteError, UsageError
from kimi_conformance.requirements import Catalogue
from kimi_conformance.stage import Budget, Live, Pace, Paced, Source, Stage
from kimi_conformance.stage.guard import SocketGuard
from kimi_conformance.verdicts import Outcome, Verdict
from kimi_conformance.wire.exchange import Exchange

if TYPE_CHECKING:  # a gate answers from recordings, and does without the simulator
    from kimi_conformance.checks.sound import SoundReplay

__all__ = ["Bench"]


class Bench:
    """See the module."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.suite = suite.find()
        self.catalogue: Catalogue = self.suite.catalogue()
        self.edition: Edition = self.suite.edition(options.edition)
        self.evidence = Evidence(
            options.evidence,
            laws={
                each.id
                for each in self.catalogue
                if self.edition.name in each.editions and each.capability not in options.without
            },
            secrets=(options.api_key,) if options.api_key else (),
            keep_exchanges=not options.matrix,
            without=options.without,
        )
        self._excuses = Excuses(
            self.suite,
            options.adapters,
            options.baseline,
            self.edition.name,
            options.today,
        )
        self.adapters = Adapters(options.time_limit)
        self._closing = contextlib.ExitStack()
        self._guard = SocketGuard()
        self.budget = Budget(
            options.max_requests,
            options.max_tokens,
            options.max_cost,
            options.price_in,
            options.price_out,
            requests=options.sent,
        )
        self._until = None if options.time_total is None else end_of(options.time_total)
        self.cells = None if options.cells is None else Cells.read(options.cells)
        self.turns = Turns(self.suite.cassettes, self._until)

    @property
    def model(self) -> str:
        """The model that checks ask."""
        return self.options.model or self.edition.default_model

    @cached_property
    def stage(self) -> Stage:
        """The one stage, started when first asked for."""
        share = self.options.share
        stage = self._closing.enter_context(Stage(exchanges="x" if share == 1 else f"x{share}-"))
        self.standstill.follow(stage.thread)
        return stage

    @cached_property
    def standstill(self) -> Standstill:
        """What tells how much time is lost, from when it is first asked."""
        return self._closing.enter_context(Standstill())

    def guarding(self) -> AbstractContextManager[object]:
        """Keeps this machine's checks on this machine while it is entered, but for live ones."""
        return nullcontext() if self.options.lane == "live" else self._guard

    def announce(self, checks: int) -> None:
        """Say who is going to be judged, by how many checks, and what is known to fail.

        Of a run in several shares the first one says what holds for all.
        """
        self.evidence.add({"record": "plan", "checks": checks})
        if self.options.share > 1:
            return
        for endpoint in self.options.endpoints:
            self.evidence.add(endpoint_record(endpoint, self.options.without))
        for spec in self.options.adapters:
            with contextlib.suppress(AdapterError):  # its checks will say what is wrong
                self.evidence.add(adapter_record(spec, self.adapters.info(spec)))
        for known in self._excuses.records():
            self.evidence.add(known)

    def verify_baselines(self, checks: Iterable[str]) -> None:
        """Return if the baselines name none but these checks and the wire laws.

        Raises:
            UsageError: One names another.
        """
        laws = (f"{r.plane}/wire/{r.id}" for r in self.catalogue if r.topic == "wire")
        self._excuses.verify({*checks, *laws})

    def finish(self, check: CheckItem, phases: list[Phase]) -> None:
        """Turn how a check ended into its outcome, and keep what is to be kept."""
        blocked = self._newly_blocked()
        self._take_refusals(check)
        outcome = outcome_of(
            check, phases, edition=self.edition.name, lane=self.options.lane, blocked=blocked
        )
        if self.options.record_into is not None and check.recorded is not None:
            outcome = self._record(check, outcome)
        outcome = self._excuses.judged(outcome)
        exchanges = check.exchanges()
        passed = outcome.verdict is Verdict.PASSED  # by chance it may fail, and others not
        alike = list(self._alike(check, exchanges)) if passed else []
        self.evidence.add_outcome(outcome, exchanges, alike)
        check.forget(self.stage.close_lane)  # pytest keeps its items to the end, which may be many
        phases.clear()

    def _take_refusals(self, check: CheckItem) -> None:
        """What was waited out is judged as an answer of the endpoint; no adapter saw it."""
        live = self.__dict__.get("_live")
        if live is not None:
            kept, live.refusals = live.refusals, []
            check.refusals += kept if check.adapter is None else ()

    def add_sample(self, check: CheckItem, found: Mapping[str, Any]) -> None:
        """Keep what a check found out about a share."""
        names = {"check": check.id, "sut": check.sut, "requirement": check.requirement.id}
        self.evidence.add({"record": "sample", **names, **found})

    def await_turn(self, check: CheckItem) -> None:
        """On a live endpoint, wait until the check may ask; it is skipped where time is over."""
        if self.options.lane == "live":
            asks = self.turns.chats(check) > 0
            self.turns.await_turn(check, self._live if asks and self.options.base_url else None)

    def waited(self) -> float:
        """Seconds that are no check's own: limits were waited for, or nothing here could run."""
        live = self.__dict__.get("_live")  # asked of a timer: it must not be made here
        return (live.waited if live is not None else 0.0) + self.standstill.lost

    def _alike(self, check: CheckItem, exchanges: Sequence[Exchange]) -> Iterator[str]:
        """Those in `despite` that a check cannot tell from the sound SUT that it has judged."""
        if not self.options.despite:
            return
        if check.endpoint == "endpoint":
            for fault in self._sound.alike(exchanges):
                yield f"fault:{fault}"
        if check.adapter:
            from kimi_conformance.checks.unchanged import alike  # only a matrix has mutants

            for mutant in alike(check.opened, self._despite("mutant")):
                yield f"mutant:{mutant}"

    @cached_property
    def _sound(self) -> "SoundReplay":
        from kimi_conformance.checks.sound import SoundReplay

        return SoundReplay(self.edition, PLACEHOLDER_KEY, self._despite("fault"))

    def _despite(self, kind: str) -> list[str]:
        """The names of those in `despite` that are of a kind."""
        specs = (spec.partition(":") for spec in self.options.despite)
        return [name for of, _, name in specs if of == kind]

    def suts_of(self, plane: str, check: str) -> tuple[str, ...]:
        """The SUTs of this run that a check judges, in some variant of it."""
        suts = self.options.adapters if plane == "adapter" else self.options.endpoints
        if self.cells is None:
            return suts
        judged = self.cells.of_any_variant(check)
        return tuple(sut for sut in suts if sut in judged)

    def _newly_blocked(self) -> list[str]:
        blocked, self._guard.blocked[:] = list(self._guard.blocked), []
        return blocked

    def close(self) -> None:
        """Say what was spent on a live endpoint, and stop the stage."""
        if self.options.lane == "live":
            mine = replace(self.budget, requests=self.budget.requests - self.options.sent)
            self.evidence.add(
                {"record": "budget", "part": "checks", **asdict(mine), **self._paced()}
            )
        self.evidence.close()
        self._closing.close()

    def _paced(self) -> dict[str, Any]:
        """The limits that were learned, and what counts against them still."""
        live: Paced | None = self.__dict__.get("_live")
        if live is None:
            return {}
        pace, now = live.pace, time.time()
        return {
            "limits": {"rpm": pace.rpm, "concurrency": pace.concurrency, "tpm": pace.tpm},
            "recent": [[round(now - ago, 1), tokens] for ago, tokens in live.recent],
            "waited_out": live.refused,
        }

    def open_for(self, check: CheckItem, binding: Binding) -> Adapter:
        """A new adapter for a check, as `Adapters.open`."""
        adapter = self.adapters.open(check.sut, binding)
        check.opened.append(adapter)
        return adapter

    def source_of(self, endpoint: str, cassette: str) -> Source:
        """What stands behind a lane: the endpoint under this name, in the lane of this run.

        Args:
            endpoint: "endpoint", "fault:NAME[:k=v,…]" or "vacuum:NAME".
            cassette: The cassette of the check: "2025-09/endpoint/auth/a_wrong_key_is…".

        Raises:
            CassetteError: There is no such recording, or it is damaged.
            UsageError: There is no such fault or vacuum.
        """
        options = self.options
        if endpoint != "endpoint" or options.lane == "simulator":
            from kimi_conformance.checks.simulated import simulated

            fixed = options.record_into is not None or options.matrix
            return simulated(endpoint, self.edition, PLACEHOLDER_KEY, fixed=fixed)
        if options.lane == "live":
            return self._live
        folder = options.cassettes or self.suite.cassettes
        return Player(read(folder / f"{cassette}.yaml", cassette), cassette)

    @cached_property
    def _live(self) -> Paced:
        if not self.options.base_url:
            raise UsageError("The live lane needs a base URL: --base-url, or KIMI_BASE_URL.")
        live = Live(
            self.options.base_url,
            self.options.api_key,
            placeholder=PLACEHOLDER_KEY,
            budget=self.budget,
        )
        return Paced(
            live,
            Pace(
                rpm=self.options.rpm,
                concurrency=self.options.concurrency,
                tpm=self.options.tpm,
                completion=self.edition.model(self.edition.default_model).max_tokens,
                until=self._until,
            ),
        )

    def _record(self, check: CheckItem, outcome: Outcome) -> Outcome:
        """Keep what a check exchanged as its cassette; one that did not pass records nothing.

        Returns:
            The outcome; an error where nothing could be recorded: nothing was exchanged, a secret
            would be written, or the folder cannot be written to.
        """
        assert self.options.record_into is not None
        assert check.recorded is not None
        assert check.recorded.journal is not None
        if outcome.verdict is not Verdict.PASSED:
            return outcome
        live = self.options.lane == "live"
        provenance = Provenance(
            source="live" if live else "simulator",
            edition=self.edition.name,
            recorded_on=datetime.now(UTC).date().isoformat(),
            check=check.id,
            suite=__version__,
            libraries={package: version(package) for package in ("httpx", "vcrpy")},
            scrubbed=(),
            digest="",
        )
        try:
            record(
                self.options.record_into / f"{check.cassette}.yaml",
                check.recorded.journal.exchanges,
                provenance,
                origin=_origin(self.options.base_url) if live else SIMULATOR_ORIGIN,
                secrets=(self.options.api_key,) if self.options.api_key else (),
            )
        except CassetteError as error:
            return replace(outcome, verdict=Verdict.ERROR, reason=str(error))
        return outcome


def _origin(base_url: str | None) -> str:
    parts = urlsplit(base_url or "")
    return f"{parts.scheme}://{parts.netloc}"
