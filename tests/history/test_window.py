"""Windows of days: what makes no sense is refused, what has not happened does not count."""

import pytest
from tests.history.memories import DAY, at

from kimi_conformance.errors import UsageError
from kimi_conformance.history.window import parse_window

NOW = at("2026-09-10 06:00")


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        ("2026-02-30", "2026-03-01", "no day"),
        ("yesterday", None, "no day"),
        ("2026-09-01", "2026-13-01", "no day"),
        ("2026-09-02", "2026-09-01", "the other way round: --from 2026-09-01 --to 2026-09-02"),
        ("2026-09-11", None, "before it begins"),
        ("2026-09-11", "2026-10-01", "nothing is known"),
    ],
)
def test_days_that_make_no_sense_are_refused(since: str, until: str | None, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_window(since, until, NOW)


def test_the_last_day_is_in_it() -> None:
    window = parse_window("2026-08-01", "2026-08-31", NOW)

    assert window.length_s == 31 * DAY
    assert len(list(window.days())) == 31


def test_what_has_not_happened_does_not_count() -> None:
    window = parse_window("2026-09-09", "2026-09-30", NOW)

    assert window.length_s == 1.25 * DAY
    assert len(list(window.days())) == 2


def test_it_is_cut_at_the_ends_of_months() -> None:
    months = [
        (str(each.first), str(each.last))
        for each in parse_window("2025-12-15", "2026-02-03", NOW).months()
    ]

    assert months == [
        ("2025-12-15", "2025-12-31"),
        ("2026-01-01", "2026-01-31"),
        ("2026-02-01", "2026-02-03"),
    ]


def test_without_an_end_it_goes_up_to_today() -> None:
    assert str(parse_window("2026-09-01", None, NOW).last) == "2026-09-10"
