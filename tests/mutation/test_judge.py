"""The judge of mutants: who survives is explained, who is explained survives."""

import pytest
from tests.mutation.judge import Fate, Mutant, explained, in_one_line, judged, table

DEAD = Mutant(name="p.slo.a.x_f__mutmut_1", module="slo.a", change="", fate=Fate.KILLED)
ALIVE = Mutant(name="p.slo.a.x_f__mutmut_2", module="slo.a", change="a -> b", fate=Fate.SURVIVED)
REASONS = {("slo.a", "a -> b"): "the same"}


def test_a_survivor_with_a_reason_is_well() -> None:
    assert judged([*[DEAD] * 9, ALIVE], REASONS) == []


def test_a_survivor_without_a_reason_is_told() -> None:
    (line,) = judged([*[DEAD] * 9, ALIVE], {})

    assert line.startswith("unexplained: p.slo.a.x_f__mutmut_2 (survived)")


def test_a_reason_without_a_survivor_is_stale() -> None:
    (line,) = judged([DEAD], REASONS)

    assert line.startswith("stale: no mutant of slo.a")


def test_a_mutant_of_which_nothing_is_known_is_never_explained() -> None:
    odd = Mutant(name="n", module="slo.a", change="a -> b", fate=Fate.UNKNOWN)

    assert judged([*[DEAD] * 9, odd], REASONS) != []


def test_too_many_survivors_are_told_whatever_the_reasons() -> None:
    (line,) = judged([*[DEAD] * 8, ALIVE, ALIVE], REASONS)

    assert line == "too few: 8 of 10 mutants were killed"


def test_the_table_counts_each_package_and_all() -> None:
    lines = [line.split() for line in table([DEAD, ALIVE], REASONS)]

    assert ["slo", "2", "1", "1", "1", "50.0%", "killed"] in lines
    assert lines[-1] == ["all", "2", "1", "1", "1", "50.0%", "killed"]


@pytest.mark.parametrize(
    ("diff", "line"),
    [
        ("--- a\n+++ b\n@@ -1 +1 @@\n x\n-    y = 1\n+    y = 2\n", "y = 1 -> y = 2"),
        ("-a(\n-    b,\n-)\n+a()\n", "a( b, ) -> a()"),
    ],
)
def test_a_change_is_named_in_one_line(diff: str, line: str) -> None:
    assert in_one_line(diff) == line


def test_every_explanation_has_a_reason() -> None:
    assert all(len(reason) > 10 for reason in explained().values())
