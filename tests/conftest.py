"""What tests of several parts need."""

import signal
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import pytest
from hypothesis import Phase, settings

from kimi_conformance import suite
from kimi_conformance.cli.checking.every_sut import PLANES, run_matrix
from kimi_conformance.stage import Stage
from kimi_conformance.verdicts import Outcome

# A shell ignores Ctrl-C for what runs in its background, and so would whatever a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

collect_ignore = ["sample_project"]  # somebody else's tests: test_sample_project.py runs them

EDITIONS = ("2025-09", "2026-09")
Matrix = Mapping[str, Sequence[Outcome]]
MATRICES = {"adapter": "matrix", "endpoint": "found"}  # the fixture that asks for a plane

# How long properties are searched: `pytest --hypothesis-profile nightly` does it at length.
COMMON = settings(deadline=None, database=None)  # machines are shared, and nothing is left behind
settings.register_profile("ci", COMMON, derandomize=True, max_examples=50, stateful_step_count=50)
settings.register_profile(
    "nightly", COMMON, max_examples=1000, stateful_step_count=100, print_blob=True
)
# Beside a mutant the shortest example of a failure is nobody's concern.
settings.register_profile(
    "mutation",
    COMMON,
    derandomize=True,
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """One stage for the whole session; each test opens lanes of its own."""
    with Stage() as stage:
        yield stage


@pytest.fixture(scope="session")
def matrix_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Matrix]:
    """Every check of a plane on every SUT of it, run once a session; the outcomes by SUT.

    The planes that this session asks for are run together, so that no processor waits.
    """

    @cache
    def run() -> Mapping[str, Matrix]:
        names = {name for item in request.session.items for name in item.fixturenames}  # type: ignore[attr-defined]
        planes = [plane for plane, fixture in MATRICES.items() if fixture in names]
        found: dict[str, dict[str, list[Outcome]]] = {plane: defaultdict(list) for plane in planes}
        folder = tmp_path_factory.mktemp("matrix")
        suts = {plane: PLANES[plane] for plane in planes}
        for outcome in run_matrix(suite.find(), EDITIONS, folder, suts):
            found[outcome.plane][outcome.sut].append(outcome)
        return found

    return lambda plane: run()[plane]
