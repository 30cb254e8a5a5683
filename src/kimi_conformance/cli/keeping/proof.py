"""
What proves the checks: which mutant or fault breaks which requirement, and who notices.

Every check must be failed by some SUT that is wrong on purpose (its killer), every benign
variant must leave every check green, and a vacuum, a SUT that does nothing, must pass none.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kimi_conformance.adapters.mutants import BREAKS, MUTANTS, UNCHANGED
from kimi_conformance.adapters.vacuum import VACUUMS as VACUUM_ADAPTERS
from kimi_conformance.simulator.faults import FAULTS
from kimi_conformance.simulator.vacuum import VACUUMS as VACUUM_ENDPOINTS
from kimi_conformance.slo import parse as parse_objectives
from kimi_conformance.verdicts import Outcome, Verdict
from kimi_conformance.wire.validators import LAWS

__all__ = [
    "ADAPTERS",
    "ENDPOINTS",
    "SPOILERS",
    "UNNOTICED",
    "Proof",
    "Suts",
    "checks_by_requirement",
    "fault_spec",
    "killers_by_requirement",
    "prove",
]


@dataclass(frozen=True, slots=True)
class Suts:
    """Every SUT of one plane that is wrong, odd or empty on purpose, by its spec.

    Attributes:
        sound: The one that is right.
        basis: Those that every matrix begins with, since what becomes of a check there tells
            whether the others need to be asked; the sound one first.
        mutants: Wrong: some check must fail for each.
        benign: Odd but legal, or nobody's business: no check may fail.
        vacuums: Nothing there: no check may pass.
        editions: The edition in which a SUT is judged, by its spec; where none is named, in all.
    """

    sound: str
    basis: Sequence[str]
    mutants: Sequence[str]
    benign: Sequence[str]
    vacuums: Sequence[str]
    editions: Mapping[str, str] = field(default_factory=dict)

    @property
    def all(self) -> list[str]:
        """The specs, the sound one first."""
        return [self.sound, *self.mutants, *self.benign, *self.vacuums]

    def of(self, edition: str) -> list[str]:
        """The specs of those that are judged in an edition, the sound one first."""
        return [sut for sut in self.all if self.editions.get(sut, edition) == edition]


_ONE_PATH = "path=/v1/users/me/balance"  # few checks wait there for what does not come
_SWITCHES = {
    "stall": f"stall:{_ONE_PATH}",
    "no_answer": f"no_answer:{_ONE_PATH}",
    "wrong_content_length": f"wrong_content_length:nth=1,{_ONE_PATH}",
    "slow": "slow:seconds=0.001",
}
UNNOTICED: Mapping[str, str] = {
    "server_error": "it is down, which decides nothing",
    "server_unavailable": "it is down, which decides nothing",
    "gateway_timeout": "it is down, which decides nothing",
    "engine_overloaded": "it is busy, which decides nothing",
    "rate_limited": "it is busy, which decides nothing",
    "rate_limited_in_words": "it is busy, which decides nothing",
    "quota_exceeded": "the account is empty, which decides nothing",
    "cache_refused": "it is down, which decides nothing",
    "slow": "time is judged by the load scenarios",
    "stream_held_back": "time is judged by the load scenarios",
    "accepts_image_url": "excluded: EP-CHAT-34",
    "accepts_tools_unsupported": "excluded: EP-TOOLS-17",
    "accepts_tools_too_many": "excluded: EP-TOOLS-13",
    "cache_never_inactive": "excluded: EP-CACHING-18",
    "cache_expiry_ignored": "excluded: EP-CACHING-18",
    "accepts_file_too_large": "excluded: EP-FILES-19",
    "accepts_file_too_many": "excluded: EP-FILES-19",
    "accepts_max_tokens_not_positive": "no document says what happens then",
    "call_id_form": "no document promises a form",
    "cache_usage_mute": "no document promises it of explicit caching",
    "accepts_thinking_unknown": "excluded: EP-THINKING-10",
    "accepts_effort_unknown": "excluded: EP-THINKING-10",
}


def fault_spec(name: str) -> str:
    """How a matrix names the endpoint with this fault."""
    return f"fault:{_SWITCHES.get(name, name)}"


ADAPTERS = Suts(
    sound="reference",
    basis=["reference", f"mutant:{UNCHANGED}"],
    mutants=[f"mutant:{name}" for name in BREAKS],
    benign=[f"mutant:{UNCHANGED}"],
    vacuums=[f"vacuum:{name}" for name in VACUUM_ADAPTERS],
    editions={f"mutant:{name}": MUTANTS[name].edition for name in BREAKS},
)
ENDPOINTS = Suts(
    sound="endpoint",
    basis=["endpoint"],
    mutants=[
        fault_spec(fault.name)
        for fault in FAULTS.values()
        if not fault.benign and fault.name not in UNNOTICED
    ],
    benign=[
        fault_spec(name) for name, fault in FAULTS.items() if fault.benign or name in UNNOTICED
    ],
    vacuums=[*(f"vacuum:{name}" for name in VACUUM_ENDPOINTS), "vacuum:nobody"],
    editions={fault_spec(fault.name): fault.edition for fault in FAULTS.values()},
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a selfcheck found.

    Attributes:
        killers: For each check, the mutants that it fails for.
        alive: Mutants that no check fails for.
        unkilled: Checks that no mutant fails.
        benign_red: "variant: check" for each check that a legal oddity turns red.
        vacuum_passes: "vacuum: check" for each check that passes with nothing there.
        sound_red: Checks that the sound SUT does not pass.
    """

    killers: Mapping[str, Sequence[str]]
    alive: Sequence[str]
    unkilled: Sequence[str]
    benign_red: Sequence[str]
    vacuum_passes: Sequence[str]
    sound_red: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether nothing is left to be said."""
        return bool(self.killers) and not (
            self.alive or self.unkilled or self.benign_red or self.vacuum_passes or self.sound_red
        )

    def record(self) -> dict[str, Any]:
        """The evidence record, also the answer of `selfcheck --json`."""
        killed = sum(bool(mutants) for mutants in self.killers.values())
        return {
            "record": "proof",
            "checks": len(self.killers),
            "killed": killed,
            "alive": list(self.alive),
            "unkilled": list(self.unkilled),
            "benign_red": list(self.benign_red),
            "vacuum_passes": list(self.vacuum_passes),
            "sound_red": list(self.sound_red),
            "killers": {check: list(mutants) for check, mutants in self.killers.items()},
        }


def prove(outcomes: Iterable[Outcome], planes: Sequence[Suts] = (ADAPTERS, ENDPOINTS)) -> Proof:
    """Read the proof off the outcomes of a run of every check on every SUT."""
    by_sut: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_sut[outcome.sut].append(outcome)
    killers: dict[str, list[str]] = {
        outcome.id: [] for suts in planes for outcome in by_sut[suts.sound]
    }
    alive = []
    for mutant in (name for suts in planes for name in suts.mutants):
        failed = [o.id for o in by_sut[mutant] if o.verdict is Verdict.FAILED]
        for check in failed:
            killers.setdefault(check, []).append(mutant)
        if not failed:
            alive.append(mutant)
    return Proof(
        killers=killers,
        alive=alive,
        unkilled=[check for check, mutants in killers.items() if not mutants],
        benign_red=_those(
            by_sut, (s.benign for s in planes), lambda o: o.verdict is Verdict.FAILED
        ),
        vacuum_passes=_those(
            by_sut,
            (s.vacuums for s in planes),
            # A law judges whatever came: a lawful refusal by a vacuum is lawful.
            lambda o: o.verdict is Verdict.PASSED and "/wire/" not in o.id,
        ),
        sound_red=[
            f"{o.id}: {o.verdict.value}"
            for suts in planes
            for o in by_sut[suts.sound]
            if o.verdict is not Verdict.PASSED
        ],
    )


def _those(
    by_sut: Mapping[str, list[Outcome]], groups: Iterable[Sequence[str]], wanted: Any
) -> list[str]:
    return [
        f"{sut}: {outcome.id}"
        for group in groups
        for sut in group
        for outcome in by_sut[sut]
        if wanted(outcome)
    ]


# What turns an objective of the service plane missed: a fault of the simulator, or a load whose
# own processes take too much. tests/load/test_load_objectives.py shows it for each.
SPOILERS: Mapping[str, str] = {
    "fault:server_error": "PERF-01",
    "fault:slow": "PERF-02",
    "load:fills_memory": "PERF-03",
    "load:burns_cpu": "PERF-04",
}


def killers_by_requirement() -> dict[str, set[str]]:
    """What breaks a requirement, by its own account: mutants, faults, and spoilers of a load."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, broken in BREAKS.items():
        for id in broken:
            found[id].add(f"mutant:{name}")
    for fault in FAULTS.values():
        for id in fault.breaks:
            found[id].add(f"fault:{fault.name}")
    for spoiler, id in SPOILERS.items():
        found[id].add(spoiler)
    return found


def checks_by_requirement(conformance: Path) -> dict[str, list[str]]:
    """The checks of each requirement, read from the sources; variants are not told apart.

    Requirements of the service plane are decided by objectives of the load scenarios, which
    stand beside the checks: "load/steady_chat/success_rate".
    """
    found: dict[str, list[str]] = defaultdict(list)
    for law in LAWS:
        found[law.id].append(f"{law.plane}/wire/{law.id}")
    for file in sorted(conformance.glob("*/test_*.py")):
        topic = f"{file.parent.name}/{file.stem.removeprefix('test_')}"
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for id in _ids(node):
                    found[id].append(f"{topic}/{node.name.removeprefix('test_')}")
    for id, objective in _objectives(conformance.parent / "loadtests"):
        found[id].append(objective)
    return found


def _objectives(loadtests: Path) -> Iterator[tuple[str, str]]:
    """The requirement that each objective of each scenario decides, and the objective's name."""
    scenarios = sorted(file.stem for file in loadtests.glob("*.py"))
    promised = (loadtests / "slo.toml").read_text("utf-8") if scenarios else ""
    for scenario in scenarios:
        for objective in parse_objectives(promised).of(scenario):
            if objective.requirement is not None:
                yield objective.requirement, f"load/{scenario}/{objective.name}"


def _ids(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The ids in `requirement("…")`, as a decorator or among the marks of a variant."""
    calls = (
        node
        for decorator in function.decorator_list
        for node in ast.walk(decorator)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "requirement"
    )
    ids = (call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant))
    yield from dict.fromkeys(str(id) for id in ids)
