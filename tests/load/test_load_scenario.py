from pathlib import Path

import pytest

from kimi_conformance import suite
from kimi_conformance.errors import UsageError
from kimi_conformance.load.users.scenario import read_header
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.slo import parse

SCENARIOS = sorted((Path(__file__).parents[2] / "loadtests").glob("*.py"))


def scenario(folder: Path, docstring: str) -> Path:
    path = folder / "spike.py"
    path.write_text(f'"""{docstring}"""\nraise SystemExit("it was run")\n', "utf-8")
    return path


def test_the_header_is_read_without_running_the_file(tmp_path: Path) -> None:
    path = scenario(
        tmp_path,
        "Spike: all at once.\n\nQuestion:  does it\n    recover?\nWorkload:  open; 5 a second.\n"
        "Judged by: [spike] in slo.toml.\n",
    )

    header = read_header(path)

    assert (header.name, header.title) == ("spike", "Spike: all at once.")
    assert header.question == "does it recover?"
    assert header.workload == "open; 5 a second."


HEADER = "Spike.\n\nQuestion: why?\nWorkload: open; 5 a second.\n"


def test_a_header_says_how_the_simulator_is_to_be_for_it(tmp_path: Path) -> None:
    target = "Target: simulate --edition 2026-09 --fault cut:p=0.1\n    --fault stall:p=0.1\n"

    header = read_header(scenario(tmp_path, f"{HEADER}{target}Judged by: [spike] in slo.toml."))

    assert header.edition == "2026-09"
    assert header.simulate == ("--fault", "cut:p=0.1", "--fault", "stall:p=0.1")
    assert header.workload == "open; 5 a second."


def test_a_header_without_a_target_takes_the_simulator_as_it_is(tmp_path: Path) -> None:
    header = read_header(scenario(tmp_path, HEADER))

    assert (header.edition, header.simulate) == (None, ())


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("http://127.0.0.1/v1", "Write it as in 'Target: simulate"),
        ("simulate fault", "options and their values"),
        ("simulate --fault", "options and their values"),
        ("simulate --fault 'cut", "cannot be read: No closing quotation"),
    ],
)
def test_a_target_that_is_no_simulator_is_refused(
    tmp_path: Path, target: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read_header(scenario(tmp_path, f"{HEADER}Target: {target}"))


@pytest.mark.parametrize(
    ("docstring", "message"),
    [
        ("Spike.", "no 'Question:'"),
        ("Spike.\n\nQuestion: why?", "no 'Workload:'"),
        ("Spike.\n\nQuestion: why?\nWorkload: much of it.", "neither 'closed'"),
    ],
)
def test_a_header_that_does_not_say_everything_is_refused(
    tmp_path: Path, docstring: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read_header(scenario(tmp_path, docstring))


def test_a_file_that_is_not_there_or_no_python_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def", "utf-8")

    with pytest.raises(UsageError, match="is no Python"):
        read_header(broken)
    with pytest.raises(UsageError, match="cannot be read"):
        read_header(tmp_path / "missing.py")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_of_the_suite_has_a_whole_header(path: Path) -> None:
    header = read_header(path)

    assert header.name == path.stem
    assert f"[{path.stem}]" in path.read_text("utf-8")
    assert header.edition in {None, *suite.find().editions()}
    faults = header.simulate[1::2] if "--fault" in header.simulate else ()
    assert all(parse_switch(fault) for fault in faults)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_of_the_suite_is_in_its_readme_and_has_objectives(path: Path) -> None:
    folder = suite.find().loadtests
    own = parse((folder / "slo.toml").read_text("utf-8")).tables[path.stem]

    assert f"| `{path.name}` |" in (folder / "README.md").read_text("utf-8")
    assert own
    assert not [each.name for each in own.values() if each.requirement]
