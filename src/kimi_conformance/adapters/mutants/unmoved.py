"""
Which mutants need not be run: they would have done what the sound adapter did.

A mutant differs from `Unchanged` in the hooks that it overrides. Where a check called none of
them, or its requests and answers pass through them unchanged, it cannot tell the two apart.
"""

from collections.abc import Sequence, Set
from functools import partial

from kimi_conformance.adapters.mutants.calls import CALLS, StandIn
from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.mutants.passed import Passed, at_once
from kimi_conformance.adapters.mutants.unchanged import HOOKS, Unchanged

__all__ = ["is_unmoved"]

_ALWAYS = frozenset({"__init__", "name", "version", "capabilities"})
_PASSED = frozenset({"outgoing", "incoming", "pause"})  # the ways of what is in `passed`
_ON_THE_WIRE = frozenset({"outgoing", "incoming"})  # what `carry` calls
_REPLAYED = _PASSED | {"carry", "caches"} | CALLS


def is_unmoved(mutant: type[Mutant], runs: Sequence[Unchanged]) -> bool:
    """Whether this mutant would have done in these runs what the sound adapter did.

    False where that cannot be known without running it.
    """
    changed = _overridden(mutant)
    touched = {name for run in runs for name in changed & (run.used | _ALWAYS)}
    if not touched <= _REPLAYED:
        return False
    return not touched or all(_passes_alike(mutant, run, touched) for run in runs)


def _overridden(mutant: type[Mutant]) -> frozenset[str]:
    between = mutant.__mro__[: mutant.__mro__.index(Mutant)]
    return frozenset(name for kind in between for name in vars(kind) if name in HOOKS | _ALWAYS)


def _passes_alike(mutant: type[Mutant], run: Unchanged, ways: Set[str]) -> bool:
    """Whether all that passed the sound adapter passes a new mutant without a change."""
    try:
        faulty = mutant(run.binding)
        if "caches" in ways and not _caches_alike(faulty, run):
            return False
        if "carry" in ways:
            return ways <= _ON_THE_WIRE | {"carry", "caches"} and _carries_alike(faulty, run)
        return _asked_alike(faulty, run, ways)
    except Exception:  # noqa: BLE001 - whatever it is, it is for a run of its own to say
        return False


def _caches_alike(faulty: Mutant, run: Unchanged) -> bool:
    """Whether sessions make caches in both, as long as the settings stay what they are."""
    if faulty.caches() is run.caches():
        return True
    return "reload" not in run.used and faulty.sound.makes_caches is run.sound.makes_caches


def _asked_alike(faulty: Mutant, run: Unchanged, ways: Set[str]) -> bool:
    """Whether it lets pass what passed, and ends each call as it ended, in their order."""
    stand_in = StandIn(faulty)
    faulty.sound = stand_in  # type: ignore[assignment]
    place = 0
    for call in run.calls if ways & CALLS else ():
        if not (
            call.alone and call.over and _passes_by(faulty, run.passed[place : call.begin], ways)
        ):
            return False
        meanwhile = run.passed[call.begin : call.end]
        if call.name in ways:
            by = partial(_passes_by, faulty, meanwhile, ways, knows=True)
            if not stand_in.ends_alike(call, at_once, by):
                return False
        elif not _passes_by(faulty, meanwhile, ways):
            return False
        place = call.end
    return _passes_by(faulty, run.passed[place:], ways) and not stand_in.refused


def _passes_by(
    faulty: Mutant, passed: Sequence[Passed], ways: Set[str], *, knows: bool = False
) -> bool:
    """Whether it lets all this pass; it is told for which call, unless it knows that itself."""
    for each in passed:
        if knows and faulty.doing != each.doing:
            return False
        faulty.doing = each.doing
        if each.way in ways and not each.passes(faulty):
            return False
    return True


def _carries_alike(faulty: Mutant, run: Unchanged) -> bool:
    for carried in run.carried:
        if carried is None:
            return False
        faulty.doing = carried.request.doing
        if not carried.passes(faulty):
            return False
    return True
