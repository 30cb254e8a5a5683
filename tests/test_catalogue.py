"""The catalogue is complete: each documented behaviour is checked, or excluded with a reason."""

import pytest

from kimi_conformance import suite
from kimi_conformance.adapters.protocol import CAPABILITIES
from kimi_conformance.cli.proof import checks_by_requirement
from kimi_conformance.requirements import Catalogue, Plane, Requirement

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
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return suite.find().catalogue()


@pytest.fixture(scope="module")
def checks() -> dict[str, list[str]]:
    return checks_by_requirement(suite.find().conformance)


def of_areas(catalogue: Catalogue) -> list[Requirement]:
    return [each for each in catalogue if each.id.partition("-")[0] in DOCUMENTED]


@pytest.mark.parametrize(("area", "count"), DOCUMENTED.items())
def test_every_documented_behaviour_of_an_area_is_there(
    area: str, count: int, catalogue: Catalogue
) -> None:
    ids = {each.id for each in catalogue if each.id.partition("-")[0] == area}

    assert ids == {f"{area}-{number:02}" for number in range(1, count + 1)}


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
        if check.split("/")[:2] != ["adapter", each.topic]
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
