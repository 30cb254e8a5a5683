"""
Every check on every SUT of its plane: the matrix that a selfcheck is read off.

The SUTs of each plane are dealt to processes, some of which run at a time. Each begins with the
basis of its plane: what becomes of a check there tells which faults cannot change it. A fault
strikes in the edition that it names, so endpoints are judged in each edition; adapters in the
oldest.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kimi_conformance.cli.checking.pytest_child import CheckRun, run_checks
from kimi_conformance.cli.keeping.proof import ADAPTERS, ENDPOINTS, Suts
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Outcome

__all__ = ["PLANES", "run_matrix"]

PLANES = {"adapter": ADAPTERS, "endpoint": ENDPOINTS}
SHARES = 3  # processes a plane
AT_A_TIME = 3  # processes; a check of silence waits, so a third one finds time on two cores
TIME_LIMIT = 5.0  # seconds a check; what stalls on purpose waits for most of it


@dataclass(frozen=True, slots=True)
class _Share:
    edition: str
    plane: str
    basis: Sequence[str]
    others: Sequence[str]
    first: bool


def run_matrix(
    suite: Suite, editions: Sequence[str], folder: Path, planes: Sequence[str] = tuple(PLANES)
) -> list[Outcome]:
    """The outcomes of every check on every SUT of these planes, the sound SUT's once an edition.

    Args:
        suite: What is run.
        editions: In which editions, the oldest first, `len(editions) >= 1`.
        folder: Where the evidence goes.
        planes: Which planes.
    """
    shares = [
        share
        for plane in planes
        for edition in editions
        for share in _deal(edition, plane, PLANES[plane])
    ]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = pool.map(lambda share: _run(suite, folder, share), shares)
        return [outcome for outcomes in found for outcome in outcomes]


def _deal(edition: str, plane: str, suts: Suts) -> list[_Share]:
    others = [sut for sut in suts.of(edition) if sut not in suts.basis]
    return [
        _Share(edition, plane, suts.basis, others[start::SHARES], first=start == 0)
        for start in range(SHARES)
    ]


def _run(suite: Suite, folder: Path, share: _Share) -> list[Outcome]:
    run = RunFolder.begin(
        folder,
        f"{share.plane}-{share.edition}",
        lane="simulator",
        source="embedded simulator",
        edition=share.edition,
        configuration={},
    )
    suts = [*share.basis, *share.others]
    plan = CheckRun(
        lane="simulator",
        edition=share.edition,
        plane=share.plane,
        adapters=suts if share.plane == "adapter" else (),
        endpoints=suts if share.plane == "endpoint" else (),
        time_limit=TIME_LIMIT,
        matrix=True,
    )
    run_checks(plan, suite, run.evidence)
    outcomes = read_run(run.evidence).outcomes(suite.catalogue())
    return [each for each in outcomes if share.first or each.sut not in share.basis]
