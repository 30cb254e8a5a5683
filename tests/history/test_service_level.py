"""Ninety nights with three incidents: these three are named, and the budget is as by hand."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.history.memories import DAY, at, load, mean_of, past, probe, share

from kimi_conformance.history.attainment import Budget, Event, burns, level
from kimi_conformance.history.incidents import OVERDUE, State, coverage, spans
from kimi_conformance.history.past import Kind, LoadResult, Probe
from kimi_conformance.history.service_level import ServiceLevel, probed_objectives, service_level
from kimi_conformance.history.window import Window, parse_window
from kimi_conformance.slo import Attained, parse
from kimi_conformance.verdicts import RunVerdict

FIRST = at("2026-07-01 02:00")
NOW = at("2026-09-29 00:00")
WINDOW = parse_window("2026-07-01", "2026-09-28", NOW)  # 31 + 31 + 28 = 90 days

# Night by number, the first is 0: what was not as on the others.
BAD = {
    20: ("server", 700),  # 21 July: 700 of 1,000 calls fail
    44: ("rate_limit", 90),  # 14 and 15 August: 90 and 60 fail
    45: ("rate_limit", 60),
    80: ("slow", 2),  # 19 September: only the mean is missed
}


def ninety_nights() -> list[LoadResult]:
    """A thousand calls a night; two fail even in a good one."""
    found = []
    for number in range(90):
        cause, failed = BAD.get(number, ("", 2))
        slow = cause == "slow"
        found.append(
            load(
                FIRST + number * DAY,
                share(1000 - failed, 1000, verdict="missed" if failed > 10 else "met"),
                mean_of(3.0 if slow else 1.0, 1000, verdict="missed" if slow else "met"),
                errors={"server" if slow or not cause else cause: failed, "client": 1},
            )
        )
    return found


@pytest.fixture(scope="module")
def found() -> ServiceLevel:
    return service_level(WINDOW, ninety_nights(), (), ())


def test_exactly_the_three_incidents_are_named(found: ServiceLevel) -> None:
    told = [
        (each.start, each.end, each.seen, each.cause, each.what, each.is_open)
        for each in found.incidents
    ]

    assert told == [
        (
            *(at("2026-07-21 02:00"), at("2026-07-21 02:10"), 1, "server"),
            *("missed success_rate", False),
        ),
        (
            *(at("2026-08-14 02:00"), at("2026-08-15 02:10"), 2, "rate_limit"),
            *("missed success_rate", False),
        ),
        (
            *(at("2026-09-19 02:00"), at("2026-09-19 02:10"), 1, "slow"),
            *("missed mean_response_s", False),
        ),
    ]


# By hand, of success_rate at 0.99: a hundredth of the calls may fail.
#
#   month      nights   calls   allowed   good nights   bad calls                    left
#   July         31     31,000    310     30 x 2 =  60   60 + 700       =  760       -450
#   August       31     31,000    310     29 x 2 =  58   58 +  90 + 60  =  208        102
#   September    28     28,000    280     28 x 2 =  56   56             =   56        224
#   all          90     90,000    900                   760 + 208 + 56  = 1,024      -124
BY_HAND = {
    "July": (310.0, 760, -450.0),
    "August": (310.0, 208, 102.0),
    "September": (280.0, 56, 224.0),
    "all": (900.0, 1024, -124.0),
}


def test_the_error_budget_is_as_by_hand(found: ServiceLevel) -> None:
    (service,) = found.services
    whole = next(each for each in service.levels if each.name == "success_rate")
    levels = {f"{month.window.first:%B}": month.levels["success_rate"] for month in service.months}

    budgets = {name: each.budget for name, each in {**levels, "all": whole}.items()}

    assert {
        name: (budget.total, budget.spent, budget.left)
        for name, budget in budgets.items()
        if budget is not None
    } == BY_HAND
    assert whole.value == pytest.approx(88_976 / 90_000)
    assert whole.budget is not None
    assert whole.budget.share_spent == pytest.approx(1024 / 900)


def test_the_months_stand_side_by_side(found: ServiceLevel) -> None:
    (service,) = found.services

    assert [month.incidents for month in service.months] == [1, 1, 1]
    assert [month.nights[State.GOOD] for month in service.months] == [30, 29, 27]
    assert [month.nights[State.BAD] for month in service.months] == [1, 2, 1]


def test_the_verdict_names_what_was_missed(found: ServiceLevel) -> None:
    assert found.verdict is RunVerdict.NOT_CONFORMANT
    assert found.because == "missed: success_rate (steady_chat, kimi-k2)"


def test_the_mean_over_all_nights_is_that_of_all_calls(found: ServiceLevel) -> None:
    (service,) = found.services
    mean = next(each for each in service.levels if each.name == "mean_response_s")

    # 89 nights at 1.0 s and one at 3.0 s; each night's standard error is 0.05 / 1.9623.
    assert mean.value == pytest.approx((89 + 3) / 90)
    assert mean.high == pytest.approx(92 / 90 + 1.96 * 0.05 / 1.9623 / 90**0.5, abs=1e-5)
    assert mean.verdict is Attained.MET
    assert mean.budget is None


def test_nights_that_are_missing_are_unknown_and_not_up() -> None:
    nights = ninety_nights()[:20]  # twenty good ones, then nobody looked

    found = service_level(WINDOW, nights, (), ())

    (service,) = found.services
    assert service.nights[State.UNKNOWN] == 70
    assert service.nights[State.GOOD] == 20
    assert found.verdict is RunVerdict.INCONCLUSIVE
    assert "only 22.2% of the window is known" in found.because


def test_a_load_that_does_not_count_is_no_night() -> None:
    broken = load(FIRST, share(0, 1000, verdict="missed"), counts=False)

    found = service_level(WINDOW, [broken], (), ())

    assert found.services[0].nights[State.UNKNOWN] == 90
    assert found.services[0].levels == ()
    assert found.incidents == ()


def test_a_window_without_data_is_unknown_and_not_met() -> None:
    found = service_level(WINDOW, (), (), ())

    assert found.verdict is RunVerdict.INCONCLUSIVE
    assert found.because.startswith("unknown, not met")


def test_an_undecided_or_missing_night_does_not_end_an_incident() -> None:
    nights = [
        load(FIRST, share(500, 1000, verdict="missed"), errors={"transport": 500}),
        load(FIRST + DAY, share(1, 1, verdict="undecided")),
        # the third night is missing
        load(FIRST + 3 * DAY, share(500, 1000, verdict="missed"), errors={"transport": 500}),
    ]

    found = service_level(parse_window("2026-07-01", "2026-07-04", NOW), nights, (), ())

    (incident,) = found.incidents
    assert (incident.seen, incident.is_open) == (2, True)
    assert incident.unknown_s == DAY
    assert incident.bad_s == 1200


def test_a_night_without_a_load_test_tells_of_incidents_but_of_no_objective() -> None:
    verdicts = ["CONFORMANT", "NOT CONFORMANT", "INCONCLUSIVE", None, "NOT CONFORMANT"]
    runs = [
        past(f"r{n}", started=FIRST + n * DAY, verdict=verdict, because="one MUST failed")
        for n, verdict in enumerate(verdicts)
    ]

    found = service_level(parse_window("2026-07-01", "2026-07-06", NOW), (), (), (), runs)

    (incident,) = found.incidents
    assert (incident.source, incident.model) == ("checks", "edition 2025-09")
    assert (incident.cause, incident.what) == ("conformance", "one MUST failed")
    assert (incident.seen, incident.is_open) == (2, True)
    assert found.services[0].nights == {
        State.GOOD: 1,
        State.BAD: 2,
        State.UNDECIDED: 1,
        State.UNKNOWN: 2,
    }
    assert found.verdict is RunVerdict.INCONCLUSIVE
    assert found.because.startswith("unknown, not met")


def test_resources_of_the_load_are_a_cause_of_their_own() -> None:
    hungry = mean_of(90.0, verdict="missed")
    night = load(FIRST, replace(hungry, metric="cpu_percent"))

    found = service_level(parse_window("2026-07-01", "2026-07-01", NOW), [night], (), ())

    assert [each.cause for each in found.incidents] == ["resources"]


HOUR = Window(date(2026, 7, 1), date(2026, 7, 1), at("2026-07-01 01:00"))
PROMISED = probed_objectives(
    parse(
        '[all.success_rate]\nmetric = "success"\nobjective = 0.99\n'
        '[all.mean_response_s]\nmetric = "response_s"\nstatistic = "mean"\nat_most = 2.0\n'
        '[all.cpu_percent]\nmetric = "cpu_percent"\nstatistic = "mean"\nat_most = 70\n'
        '[probe.ttft]\nmetric = "ttft_s"\nat_most = 0.5\nobjective = 0.9\n'
    ).of("probe")
)


def probed(*minutes: int, bad: tuple[int, ...] = (), window: Window = HOUR) -> ServiceLevel:
    probes = [
        probe(window.start + 60 * minute, "server" if minute in bad else "ok") for minute in minutes
    ]
    return service_level(window, (), probes, PROMISED)


def test_time_that_no_probe_covers_is_unknown() -> None:
    # Minutes 0 to 9 and 30 to 59: the process did not run from minute 10 to 30.
    found = probed(*range(10), *range(30, 60), bad=(5,))

    (service,) = found.services
    assert service.coverage is not None
    assert service.coverage.bad_s == 60
    assert service.coverage.good_s == 39 * 60
    assert service.coverage.unknown_s == 20 * 60
    assert service.coverage.up_share == 39 / 40
    assert service.known_share == pytest.approx(40 / 60)


def test_a_late_probe_leaves_no_gap_within_its_jitter() -> None:
    window = HOUR
    late = [probe(window.start + moment) for moment in (0, 66, 120, 186)]
    found = service_level(window, (), late, PROMISED)

    assert found.services[0].coverage is not None
    assert found.services[0].coverage.good_s == 186 + 60


@given(
    st.lists(
        st.tuples(st.floats(-100, 4000), st.booleans(), st.sampled_from([1.0, 60.0, 900.0])),
        max_size=30,
    )
)
def test_time_is_neither_lost_nor_made_up(moments: list[tuple[float, bool, float]]) -> None:
    probes = [
        probe(HOUR.start + moment, "ok" if good else "server", interval_s=interval)
        for moment, good, interval in sorted(moments)
        if 0 <= moment < HOUR.length_s
    ]

    found = spans(probes, HOUR)

    assert all(one.end == two.start for one, two in pairwise(found))
    assert (found[0].start, found[-1].end) == (HOUR.start, HOUR.end)
    seen = sum(span.length_s for span in found if span.state is State.GOOD)
    spoken_for = sum(OVERDUE * each.interval_s for each in probes if each.ok)
    assert seen <= spoken_for + 1e-6
    covered = coverage(found, HOUR)
    whole = covered.good_s + covered.bad_s + covered.unknown_s
    assert whole == pytest.approx(HOUR.length_s)


def test_one_bad_probe_is_no_incident_but_two_are() -> None:
    assert probed(*range(60), bad=(5,)).incidents == ()

    (incident,) = probed(*range(60), bad=(5, 20, 21, 22)).incidents
    assert incident.source == "probe"
    assert (incident.start - HOUR.start, incident.end - HOUR.start) == (1200, 1380)
    assert (incident.cause, incident.what, incident.is_open) == ("server", "no answer", False)


def test_probes_measure_what_single_calls_can_show() -> None:
    assert [each.name for each in PROMISED] == ["success_rate", "mean_response_s", "ttft"]

    levels = {each.name: each for each in probed(*range(60), bad=(5,)).services[0].levels}

    assert levels["success_rate"].budget == Budget(0.6, 1)
    assert levels["mean_response_s"].measured == 59
    assert levels["ttft"].budget == Budget(5.9, 0)
    assert levels["ttft"].verdict is Attained.MET


def test_the_burn_is_as_by_hand() -> None:
    # A call a minute for six hours; in the last hour 9 fail, three of them in the last 5 minutes.
    end = 6 * 3600.0
    failed = {end - 60 * minute for minute in (1, 2, 3, 10, 20, 30, 40, 50, 55)}
    moments = [60.0 * minute for minute in range(360)]
    events = [Event(moment, share(int(moment not in failed), 1)) for moment in moments]

    hour, six, days = burns(events, 0.99, end)

    # 9 of the 59 calls after end - 1 h (one stands on the edge), over 1 %; 3 of 4 of the short.
    assert hour.rate == pytest.approx(9 / 59 / 0.01)
    assert hour.short_rate == pytest.approx(3 / 4 / 0.01)
    assert hour.alerts
    assert six.rate == pytest.approx(9 / 359 / 0.01)
    assert six.alerts is False
    assert days.rate == pytest.approx(9 / 360 / 0.01)
    assert hour.worst == pytest.approx(9 / 60 / 0.01)


def test_no_call_in_a_window_is_no_burn() -> None:
    (hour, *_) = burns([Event(0.0, share(0, 1))], 0.99, 90_000.0)

    assert (hour.rate, hour.alerts) == (None, False)
    assert hour.worst == pytest.approx(100.0)


def test_percentiles_are_not_added_up() -> None:
    results = [mean_of(float(value)) for value in range(1, 8)]
    others = [replace(each, kind=Kind.OTHER) for each in results]

    found = level("s", "m", [Event(0.0, each) for each in others], 1.0)

    assert (found.value, found.low, found.high) == (4.0, 1.0, 7.0)
    assert found.verdict is Attained.UNDECIDED
    assert found.method.startswith("median")


def test_of_one_load_it_is_the_loads_own_interval() -> None:
    found = level("s", "m", [Event(0.0, replace(mean_of(1.0), kind=Kind.OTHER))], 1.0)

    assert (found.value, found.low, found.high) == (1.0, 0.95, 1.05)
    assert found.verdict is Attained.MET


def test_two_models_are_not_added_up() -> None:
    probes: list[Probe] = []
    for minute in range(60):
        moment = HOUR.start + 60 * minute
        probes += [probe(moment), probe(moment, "server", model="kimi-k3")]

    found = service_level(HOUR, (), probes, PROMISED)

    assert [service.model for service in found.services] == ["kimi-k2", "kimi-k3"]
    assert [incident.model for incident in found.incidents] == ["kimi-k3"]
    assert found.incidents[0].is_open
