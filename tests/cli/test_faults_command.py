"""`faults` lists how the simulator can be wrong, for who wants to switch something on."""

import json

from click.testing import CliRunner

from kimi_conformance.cli.commands.faults import faults
from kimi_conformance.simulator.faults import FAULTS, parse_switch
from kimi_conformance.suite import find


def listed(*arguments: str) -> str:
    result = CliRunner().invoke(faults, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_every_fault_is_listed_with_what_it_does() -> None:
    rows = json.loads(listed("--json"))["faults"]

    assert {row["name"] for row in rows} == set(FAULTS)
    assert {id for row in rows for id in row["breaks"]} <= {each.id for each in find().catalogue()}
    assert {parse_switch(row["name"]).fault.text for row in rows} == {row["text"] for row in rows}


def test_a_word_leaves_those_that_are_about_it() -> None:
    said = listed("5xx")

    assert "server_error" in said
    assert "(status=500)" in said
    assert "window_small" not in said


def test_what_is_legal_stands_apart() -> None:
    wrong, odd = listed().split("Legal oddities:\n")

    assert "server_error" in wrong
    assert "server_error" not in odd
    assert "lower_case_headers" in odd


def test_it_fits_a_terminal() -> None:
    assert max(map(len, listed().splitlines())) <= 80
