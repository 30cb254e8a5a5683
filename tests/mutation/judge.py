"""
What a mutation run shows: who was killed, who survived, and whether each survivor is explained.

    mutmut run && python -m tests.mutation.judge

mutmut tries a mutant in a process that has imported everything already, so what runs at import
time it cannot try; and it gives up by the clock, which a busy machine lets run. Whoever survived
or did not end is therefore tried once more, from the import on and by the time of the processor.
"""

import argparse
import json
import os
import resource
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[2]
MUTANTS = ROOT / "mutants"
EXPLAINED = Path(__file__).parent / "survivors.toml"
LEAST = 0.9  # of the mutants of the four packages together must be killed
LIMIT = 15  # seconds of the processor for one mutant: more is an endless loop, and noticed

TESTS = {
    "wire": ("tests/wire",),
    "slo": ("tests/test_slo.py", "tests/test_slo_planning.py", "tests/test_slo_reading.py"),
    "statistics": ("tests/test_statistics.py",),
    "verdicts": ("tests/test_verdicts.py",),
}


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    UNENDED = "did not end"
    UNKNOWN = "unknown"


FATES = {  # by the exit code of its pytest
    **dict.fromkeys((1, 3), Fate.KILLED),
    **dict.fromkeys((0, 5, 33), Fate.SURVIVED),
    **dict.fromkeys((24, -24, 36, 152, 255), Fate.UNENDED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of one function.

    Attributes:
        name: As mutmut calls it; the number in it changes with the function.
        module: "wire.sse".
        change: What was, and what is, in one line.
        fate: What became of it.
    """

    name: str
    module: str
    change: str
    fate: Fate

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]


def tried() -> Iterator[Mutant]:
    """Every mutant of the last run."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    for file in sorted(MUTANTS.rglob("*.py.meta")):
        path = file.relative_to(MUTANTS).with_suffix("")
        for name, code in json.loads(file.read_text())["exit_code_by_key"].items():
            fate = FATES.get(code, Fate.UNKNOWN)
            change = (
                "" if fate is Fate.KILLED else in_one_line(get_diff_for_mutant(name, path=path))
            )
            module = name.partition(".")[2].rpartition(".")[0]
            yield Mutant(name=name, module=module, change=change, fate=fate)


def in_one_line(diff: str) -> str:
    """The lines that went, an arrow, and those that came."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    gone = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    came = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    return f"{gone} -> {came}"


def survives(mutant: Mutant) -> bool:
    """Whether the tests of its package pass with it, from the import on."""
    child = os.fork()
    if not child:
        os.chdir(MUTANTS)
        os.environ["MUTANT_UNDER_TEST"] = mutant.name
        sys.path.insert(0, str(MUTANTS / "src"))
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
        os._exit(passed(TESTS[mutant.package]))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def unsound(only: str) -> list[str]:
    """Packages whose tests fail without any mutant: beside them every mutant would seem dead."""
    return [
        package
        for package in TESTS
        if package.startswith(only.partition(".")[0])
        and not survives(Mutant(name="", module=package, change="", fate=Fate.SURVIVED))
    ]


def passed(tests: Sequence[str]) -> int:
    import pytest

    return int(
        pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=mutation", *tests])
    )


def explained() -> dict[tuple[str, str], str]:
    """The reasons by module and change."""
    entries = tomllib.loads(EXPLAINED.read_text("utf-8")).get("survivor", [])
    return {
        (entry["module"], change): entry["reason"]
        for entry in entries
        for change in entry["changes"]
    }


def judged(mutants: Iterable[Mutant], reasons: Mapping[tuple[str, str], str]) -> list[str]:
    """What is wrong, a line each: nothing is a good answer."""
    everyone = list(mutants)
    counts: dict[str, Counter[Fate]] = defaultdict(Counter)
    for mutant in everyone:
        counts[mutant.package][mutant.fate] += 1
    killed = sum(each[Fate.KILLED] for each in counts.values())
    alive = [mutant for mutant in everyone if mutant.fate is not Fate.KILLED]
    keys = {(mutant.module, mutant.change) for mutant in alive}
    wrong = [
        f"unexplained: {mutant.name} ({mutant.fate})\n    {mutant.change}"
        for mutant in alive
        if mutant.fate is Fate.UNKNOWN or (mutant.module, mutant.change) not in reasons
    ]
    wrong += [
        f"stale: no mutant of {module} survives any more by\n    {change}"
        for module, change in reasons
        if (module, change) not in keys
    ]
    if killed < LEAST * len(everyone):
        wrong.append(f"too few: {killed} of {len(everyone)} mutants were killed")
    return wrong


def table(mutants: Sequence[Mutant], reasons: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """The counts of each package."""
    yield f"{'package':<12}{'mutants':>9}{'killed':>9}{'survived':>10}{'explained':>11}"
    for package in (*TESTS, "all"):
        own = [mutant for mutant in mutants if package in (mutant.package, "all")]
        alive = [mutant for mutant in own if mutant.fate is not Fate.KILLED]
        known = sum((mutant.module, mutant.change) in reasons for mutant in alive)
        dead = len(own) - len(alive)
        share = dead / len(own) if own else 0.0
        yield (
            f"{package:<12}{len(own):>9}{dead:>9}{len(alive):>10}{known:>11}   {share:.1%} killed"
        )


def looked_at_again(mutants: Iterable[Mutant], only: str) -> Iterator[Mutant]:
    """Those of one module or all, survivors tried once more."""
    for mutant in mutants:
        if not mutant.module.startswith(only):
            continue
        fate = mutant.fate
        if fate in {Fate.SURVIVED, Fate.UNENDED}:
            fate = Fate.SURVIVED if survives(mutant) else Fate.KILLED
        yield replace(mutant, fate=fate)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.judge")
    parser.add_argument("--only", default="", help="modules that begin so, such as slo.reading")
    options = parser.parse_args(arguments)
    import pytest  # noqa: F401 - once for every child; it must import its plugins itself

    if red := unsound(options.only):
        print(f"Without any mutant the tests of {', '.join(red)} fail: see to them first.")
        return 1
    reasons = {key: why for key, why in explained().items() if key[0].startswith(options.only)}
    mutants = list(looked_at_again(tried(), options.only))
    wrong = judged(mutants, reasons)
    print("\n".join([*wrong, *table(mutants, reasons)]))
    return 1 if wrong or not mutants else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
