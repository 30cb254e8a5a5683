"""How long a recording is believed, by what it says."""

from datetime import date, timedelta

import pytest

from kimi_conformance.drift import Colour, Subject, ages

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("subject", "days", "colour"),
    [
        (Subject.MODEL_LIST, 7, Colour.GREEN),
        (Subject.MODEL_LIST, 8, Colour.AMBER),
        (Subject.MODEL_LIST, 31, Colour.RED),
        (Subject.ERROR_TEXT, 61, Colour.AMBER),
        (Subject.ERROR_TEXT, 181, Colour.RED),
        (Subject.SHAPE, 90, Colour.GREEN),
        (Subject.SHAPE, 366, Colour.RED),
    ],
)
def test_each_subject_has_limits_of_its_own(subject: Subject, days: int, colour: Colour) -> None:
    (age,) = ages([(subject, TODAY - timedelta(days=days))], TODAY)

    assert (age.colour, age.days) == (colour, days)


def test_the_oldest_decides_and_the_worst_comes_first() -> None:
    found = ages(
        [
            (Subject.SHAPE, TODAY),
            (Subject.SHAPE, TODAY - timedelta(days=100)),
            (Subject.MODEL_LIST, TODAY - timedelta(days=40)),
        ],
        TODAY,
    )

    assert [(age.subject, age.colour, age.recordings) for age in found] == [
        (Subject.MODEL_LIST, Colour.RED, 1),
        (Subject.SHAPE, Colour.AMBER, 2),
    ]


def test_nothing_that_was_recorded_has_no_age() -> None:
    assert ages([], TODAY) == []
