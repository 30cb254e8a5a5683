from pathlib import Path

import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.load.scenario import read_header

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
    assert read_header(path).name == path.stem
