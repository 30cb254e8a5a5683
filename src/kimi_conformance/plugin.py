"""
The pytest plugin: collects checks, binds them to SUTs, and writes down what they say.

It is loaded into every pytest run of an environment, so importing it brings in pytest and
the standard library only; the rest is imported when the first check is collected. A test
that is not below a folder of checks is none of its business, whatever its markers and fixtures
are called.
"""

import gc
import signal
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kimi_conformance.checks.bench import Bench
    from kimi_conformance.checks.item import CheckItem
    from kimi_conformance.requirements import Requirement

__all__ = ["CHECK", "CHECKS", "bench_of"]

LEAST_WAIT = 0.05  # seconds; less is no wait for a limit
AGAIN = 1.0  # seconds after which an alarm rings again
CHECK: pytest.StashKey["CheckItem"] = pytest.StashKey()  # on items
CHECKS = pytest.StashKey[bool]()  # on the modules of checks, by the conftest.py above them
_BENCH = pytest.StashKey[Any]()  # on the configuration
_PHASES = pytest.StashKey[list[Any]]()

# Assertions in the vocabulary of checks explain themselves as those in checks do; said before
# a conftest.py imports that vocabulary.
pytest.register_assert_rewrite("kimi_conformance.checks.endpoint")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options all begin with --kimi-, since others own the short names."""
    group = parser.getgroup("kimi", "Kimi API conformance")
    option = group.addoption
    option("--kimi-lane", default="cassette", help="what answers: cassette, simulator, live")
    option("--kimi-edition", default="2025-09", help="the API as of which date")
    option("--kimi-adapter", action="append", default=[], help="an adapter to judge (repeatable)")
    option("--kimi-endpoint", action="append", default=[], help="endpoint, fault:N, vacuum:N")
    option("--kimi-plane", choices=("adapter", "endpoint"), help="judge this plane only")
    option("--kimi-requirement", action="append", default=[], help="check these ids only")
    option("--kimi-base-url", help="the live endpoint; the key is read from KIMI_API_KEY")
    option("--kimi-model", help="the model to ask; the edition's default otherwise")
    option("--kimi-model-is", help="which model of the edition that is, if it is named otherwise")
    option("--kimi-without", action="append", default=[], help="what the endpoint does not offer")
    option("--kimi-samples", type=int, help="requests a requirement that is decided by a share")
    option("--kimi-max-requests", type=int, help="budget of a live run, in requests")
    option("--kimi-sent", type=int, default=0, help="requests of it that were sent before")
    option("--kimi-max-tokens", type=int, help="budget of a live run, in tokens asked for")
    option("--kimi-max-cost", type=float, help="budget of a live run, in dollars asked for")
    option("--kimi-price-in", type=float, default=0.0, help="dollars a million prompt tokens")
    option("--kimi-price-out", type=float, default=0.0, help="dollars a million answer tokens")
    option("--kimi-time-limit", type=float, default=30.0, help="seconds that a check may take")
    option("--kimi-rpm", type=int, help="chats a minute that a live endpoint is asked")
    option("--kimi-concurrency", type=int, help="chats at once that a live endpoint is asked")
    option("--kimi-tpm", type=int, help="tokens a minute that a live endpoint is asked for")
    option("--kimi-time-total", type=float, help="seconds after which a live run begins nothing")
    option("--kimi-record", type=Path, help="write cassettes into this folder")
    option("--kimi-cassettes", type=Path, help="play those in this folder; the suite's otherwise")
    option("--kimi-evidence", type=Path, help="append evidence to this file")
    option("--kimi-baseline", type=Path, help="what is known to fail, as a TOML file")
    option(
        "--kimi-search",
        choices=("ci", "nightly"),
        default="ci",
        help="how long to search for examples: shortly and always the same, or long and anew",
    )
    option(
        "--kimi-matrix",
        action="store_true",
        help="many SUTs: keep no exchanges and no tracebacks, search short",
    )
    option(
        "--kimi-despite",
        action="append",
        default=[],
        help="write down the same of this mutant or fault where it changes nothing of a sound run",
    )
    option("--kimi-cells", type=Path, help="a JSON file: the SUTs to judge, by the check's id")
    option("--kimi-with-parent", action="store_true", help="end when the parent process does")
    option("--kimi-share", type=int, default=1, help="which of a run that several processes do")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; the bench is made when a check first asks for it."""
    config.addinivalue_line(
        "markers", "requirement(id): the requirement of the catalogue that this check decides"
    )
    config.addinivalue_line("markers", "needs(capability): what this variant is about")
    config.stash[_BENCH] = cache(partial(_make_bench, config))


def pytest_sessionstart(session: pytest.Session) -> None:
    """A run that is to leave evidence is one of ours: say at once if its options are wrong."""
    if session.config.getoption("--kimi-with-parent"):
        from kimi_conformance.checks.parent import end_with_parent

        end_with_parent()
    if session.config.getoption("--kimi-evidence"):
        bench_of(session.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the stage, if there is one."""
    make = config.stash.get(_BENCH, None)
    if make is not None and make.cache_info().currsize:
        make().close()


def bench_of(config: pytest.Config) -> "Bench":
    """What the checks of this session share; made at the first call."""
    bench: Bench = config.stash[_BENCH]()
    return bench


def _make_bench(config: pytest.Config) -> "Bench":
    from kimi_conformance.checks.bench import Bench
    from kimi_conformance.checks.options import options_from
    from kimi_conformance.errors import UsageError

    option = config.getoption
    try:
        return Bench(
            options_from(
                lane=option("--kimi-lane"),
                edition=option("--kimi-edition"),
                adapters=tuple(option("--kimi-adapter") or ("reference",)),
                endpoints=tuple(option("--kimi-endpoint") or ("endpoint",)),
                base_url=option("--kimi-base-url"),
                model=option("--kimi-model"),
                model_is=option("--kimi-model-is"),
                without=frozenset(option("--kimi-without")),
                samples=option("--kimi-samples"),
                max_requests=option("--kimi-max-requests"),
                sent=option("--kimi-sent"),
                max_tokens=option("--kimi-max-tokens"),
                max_cost=option("--kimi-max-cost"),
                price_in=option("--kimi-price-in"),
                price_out=option("--kimi-price-out"),
                time_limit=option("--kimi-time-limit"),
                rpm=option("--kimi-rpm"),
                concurrency=option("--kimi-concurrency"),
                tpm=option("--kimi-tpm"),
                time_total=option("--kimi-time-total"),
                record_into=option("--kimi-record"),
                cassettes=option("--kimi-cassettes"),
                evidence=option("--kimi-evidence"),
                baseline=option("--kimi-baseline"),
                matrix=option("--kimi-matrix"),
                despite=tuple(option("--kimi-despite")),
                cells=option("--kimi-cells"),
                share=option("--kimi-share"),
            )
        )
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each check once for each SUT of its plane."""
    if "check" not in metafunc.fixturenames or not _is_check(metafunc.definition):
        return
    from kimi_conformance.checks.item import check_id

    path = metafunc.definition.path
    check = check_id(path, metafunc.definition.originalname, None)
    suts = bench_of(metafunc.config).suts_of(path.parent.name, check)
    metafunc.fixturenames.append("sut")
    metafunc.parametrize("sut", suts, ids=[f"@{_without_at(sut)}@" for sut in suts])


def _is_check(item: pytest.Item) -> bool:
    return any(CHECKS in node.stash for node in item.iter_parents())


def _without_at(sut: str) -> str:
    """A SUT's name without the sign that ends it in an id: a command may have "@scope/package"."""
    return sut.replace("@", "(at)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bind each check to its requirement and SUT; leave out what this run is not about."""
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        wanted = _bind(config, item)
        (kept if wanted else dropped).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept
    if config.getoption("--kimi-lane") == "live":
        _put_in_order(config, items)
    checks = [item for item in items if CHECK in item.stash]
    if checks:
        _verify_baselines(config, [*items, *dropped])
        bench_of(config).announce(len(checks))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look no more for garbage in what a matrix has collected: it is much, and it stays."""
    if session.config.getoption("--kimi-matrix"):
        gc.freeze()


def _put_in_order(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is worth the most for what it costs comes first; others keep their order."""
    from kimi_conformance.checks.valued import key_of

    places = bench_of(config).turns.in_order(i.stash[CHECK] for i in items if CHECK in i.stash)
    items.sort(key=lambda i: places[key_of(i.stash[CHECK])] if CHECK in i.stash else -1)


def _verify_baselines(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a run of ours, which has whole topics: a name misspelt would excuse nothing."""
    if not config.getoption("--kimi-evidence"):
        return
    from kimi_conformance.errors import UsageError

    try:
        bench_of(config).verify_baselines(i.stash[CHECK].id for i in items if CHECK in i.stash)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def _bind(config: pytest.Config, item: pytest.Item) -> bool:
    """Whether the item belongs to this run; a check is bound to its requirement and SUT."""
    mark = item.get_closest_marker("requirement")
    if mark is None or not _is_check(item):
        return True
    from kimi_conformance.cassettes.cassette import name_of
    from kimi_conformance.checks.item import CheckItem, check_id
    from kimi_conformance.errors import UsageError

    bench = bench_of(config)
    try:
        requirement = bench.catalogue[mark.args[0]]
    except UsageError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from error
    call = getattr(item, "callspec", None)
    sut = call.params.get("sut") if call else None
    id = check_id(item.path, getattr(item, "originalname", item.name), call and call.id)
    check = CheckItem(
        id=id,
        requirement=requirement,
        capabilities=_capabilities(item, requirement),
        adapter=sut if requirement.plane == "adapter" else None,
        endpoint=sut if requirement.plane == "endpoint" else None,
        cassette=name_of(id, bench.edition.name),
    )
    item.stash[CHECK] = check
    if config.getoption("--kimi-matrix"):
        setattr(item, "repr_failure", _untold)  # noqa: B010 - in place of its method
    chosen = config.getoption("--kimi-requirement")
    plane = config.getoption("--kimi-plane")
    return (
        bench.edition.name in requirement.editions
        and (not chosen or requirement.id in chosen)
        and (plane is None or requirement.plane == plane)
        and (bench.cells is None or (id, sut) in bench.cells)
    )


def _untold(_: object) -> str:
    """In place of a traceback: a matrix has thousands of failures on purpose."""
    return ""


def _capabilities(item: pytest.Item, requirement: "Requirement") -> tuple[str, ...]:
    """What a SUT must claim before this check applies to it."""
    marks = [mark.args[0] for mark in item.iter_markers("needs")]
    return tuple(filter(None, (requirement.capability, *marks)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Prepare a check under its limits."""
    if CHECK in item.stash:
        bench_of(item.config).await_turn(item.stash[CHECK])
    with _limits(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run a check under its limits, and note the time that it loses."""
    if CHECK not in item.stash:
        return (yield)
    standstill = bench_of(item.config).standstill
    standstill.begin()
    try:
        with _limits(item):
            return (yield)
    finally:
        item.stash[CHECK].losses = standstill.losses()


def _limits(item: pytest.Item) -> AbstractContextManager[object]:
    """What a check may not leave, its time and, offline, this machine; other tests are free."""
    if CHECK not in item.stash:
        return nullcontext()
    bench = bench_of(item.config)
    limits = ExitStack()
    limits.enter_context(bench.guarding())
    limits.enter_context(_TimeLimit(bench.options.time_limit, bench.waited))
    return limits


class _TimeLimit:
    """Raises CheckTimeoutError in this thread when so many seconds have passed.

    Time in which a live endpoint's limits were waited for, or this process could not run, does
    not count: `waited` tells it.

    The alarm rings until it is heard: the system may tell another thread of it, and this one
    then sleeps on; so it does where a process was stopped and goes on.
    """

    def __init__(self, seconds: float, waited: Callable[[], float]) -> None:
        self._seconds = seconds
        self._waited = waited

    def __enter__(self) -> None:
        self._credited = self._waited()
        self._before = signal.signal(signal.SIGALRM, self._raise)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, AGAIN)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def _raise(self, _signal: int, _frame: FrameType | None) -> None:
        from kimi_conformance.checks.item import CheckTimeoutError

        waited = self._waited()
        if (more := waited - self._credited) > LEAST_WAIT:
            self._credited = waited
            signal.setitimer(signal.ITIMER_REAL, more, AGAIN)
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise CheckTimeoutError(f"the check took longer than its limit of {self._seconds:g} s")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Collect how the phases ended; after the last one, write the outcome."""
    report: pytest.TestReport = yield
    if CHECK not in item.stash:
        return report
    from kimi_conformance.checks.item import Phase

    phases = item.stash.setdefault(_PHASES, [])
    error = call.excinfo.value if call.excinfo else None
    phases.append(Phase(call.when, error, call.duration, str(report.longrepr or "")))
    if call.when == "teardown":
        bench_of(item.config).finish(item.stash[CHECK], phases)
    return report
