"""The catalogue is complete: each documented behaviour is checked, or excluded with a reason."""

import pytest

from kimi_conformance import suite
from kimi_conformance.adapters.protocol import CAPABILITIES
from kimi_conformance.cli.keeping.proof import SPOILERS, checks_by_requirement
from kimi_conformance.requirements import Catalogue, Evidence, Plane, Requirement

# How many behaviours the documents state in each area; ids count from 01 without a gap.
DOCUMENTED = {
    "LIST": 10,
    "FILTER": 11,
    "CTX": 17,
    "FALLBACK": 10,
    "AUTH": 14,
    "HANDLE": 17,
    "STREAM": 6,
    "CACHE": 39,
    "RETRY": 13,
    "ERR": 9,
    "REQ": 17,
    "TOOL": 7,
    "STRUCT": 3,
    "MM": 1,
    "EMBED": 5,
    "PROV": 19,
    "CONFIG": 22,
    "CCACHE": 7,
    "START": 2,
    "PERF": 10,
    "TELEM": 11,
    "OFFLINE": 3,
    "SWITCH": 2,
    "APICHG": 3,
    "UX": 7,
}
IDS = frozenset(
    f"{area}-{number:02}" for area, count in DOCUMENTED.items() for number in range(1, count + 1)
)
CHECKED_AT_LEAST = 235  # of all that is documented; only what no client decides is left out
WORDS_OF_A_REASON = 10  # at least: "Not testable." is none


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return suite.find().catalogue()


@pytest.fixture(scope="module")
def checks() -> dict[str, list[str]]:
    return checks_by_requirement(suite.find().conformance)


def of_areas(catalogue: Catalogue) -> list[Requirement]:
    return [each for each in catalogue if each.id.partition("-")[0] in DOCUMENTED]


def test_the_documents_state_265_behaviours() -> None:
    assert len(IDS) == sum(DOCUMENTED.values()) == 265


@pytest.mark.parametrize("area", DOCUMENTED)
def test_every_documented_behaviour_of_an_area_is_there(area: str, catalogue: Catalogue) -> None:
    of_area = {each.id: each for each in catalogue if each.id.partition("-")[0] == area}

    missing = {id for id in IDS if id.partition("-")[0] == area} - of_area.keys()
    assert missing == set()


def test_what_is_not_documented_says_where_it_comes_from(catalogue: Catalogue) -> None:
    """It is of a later edition, follows from something else, or is one side of a documented one."""
    ours = [each for each in of_areas(catalogue) if each.id not in IDS]

    unexplained = [
        each.id
        for each in ours
        if each.editions != ("2026-09",)
        and each.evidence != (Evidence.DERIVED,)
        and each.id.rpartition("-")[0] not in IDS
    ]
    assert unexplained == []


def test_nearly_all_that_is_documented_is_checked(
    catalogue: Catalogue, checks: dict[str, list[str]]
) -> None:
    checked = {each.id for each in catalogue if each.id in IDS and checks.get(each.id)}

    assert len(checked) >= CHECKED_AT_LEAST


def test_what_is_excluded_has_a_reason_of_substance(catalogue: Catalogue) -> None:
    reasons = {each.id: each.excluded for each in catalogue if each.excluded}

    assert {id for id, why in reasons.items() if len(why.split()) < WORDS_OF_A_REASON} == set()
    assert {id for id, why in reasons.items() if why.startswith(("As for", "See "))} == set()


def test_every_entry_that_is_documented_is_checked_or_excluded_and_never_both(
    catalogue: Catalogue, checks: dict[str, list[str]]
) -> None:
    undecided = [id for id in IDS if bool(checks.get(id)) == bool(catalogue[id].excluded)]

    assert undecided == []


def test_a_requirement_of_the_service_plane_is_decided_by_an_objective(
    catalogue: Catalogue, checks: dict[str, list[str]]
) -> None:
    asked = [each.id for each in catalogue if each.plane is Plane.SERVICE]

    assert asked == ["PERF-01", "PERF-02", "PERF-03", "PERF-04"]
    assert [id for id in asked if not all(c.startswith("load/") for c in checks[id])] == []
    assert {id for id, found in checks.items() if found[0].startswith("load/")} == set(asked)
    assert set(SPOILERS.values()) == set(asked)


def test_a_requirement_of_the_adapter_plane_has_a_check(
    catalogue: Catalogue, checks: dict[str, list[str]]
) -> None:
    asked = [each for each in catalogue if each.plane is Plane.ADAPTER and each.excluded is None]

    assert [each.id for each in asked if not checks.get(each.id)] == []


def test_a_check_decides_a_requirement_that_is_asked(
    catalogue: Catalogue, checks: dict[str, list[str]]
) -> None:
    asked = {each.id for each in catalogue if each.excluded is None}

    assert set(checks) <= asked


def test_a_check_stands_in_the_file_of_its_requirement(
    catalogue: Catalogue, checks: dict[str, list[str]]
) -> None:
    strays = [
        (each.id, check)
        for each in of_areas(catalogue)
        for check in checks.get(each.id, [])
        if each.plane is Plane.ADAPTER and check.split("/")[:2] != ["adapter", each.topic]
    ]

    assert strays == []


def test_what_is_excluded_has_no_check(catalogue: Catalogue, checks: dict[str, list[str]]) -> None:
    assert [each.id for each in catalogue if each.excluded and each.id in checks] == []


def test_a_requirement_says_how_it_is_known_and_where_it_holds(catalogue: Catalogue) -> None:
    assert [each.id for each in catalogue if not each.evidence] == []
    assert [each.id for each in catalogue if not each.editions] == []


def test_a_capability_is_one_that_adapters_can_claim(catalogue: Catalogue) -> None:
    named = {each.capability for each in catalogue if each.plane is Plane.ADAPTER}

    assert named - {None} <= CAPABILITIES.keys()


def test_explicit_caching_belongs_to_the_edition_that_had_it(catalogue: Catalogue) -> None:
    caching = [each for each in of_areas(catalogue) if each.topic == "caching"]

    asked = [each for each in caching if each.excluded is None]
    assert asked
    assert {each.editions for each in asked} == {("2025-09",)}
