"""Whoever follows a page sees what the page says: every command of every page is run."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.documents.pages import PAGES, ROOT, Command, name_of, steps
from tests.documents.reader import Reader

# Commands that are not run from the page. Each is parsed all the same (test_documents.py).
EXCUSED = {
    r"adapters install": "asks a package registry",
    r"^bin/python|^cd ": "is in the environment of a client that was installed",
    r"matrix|--adapter litellm": "asks installed clients: tests/cli/test_client_matrix.py",
    r"--master|--worker|--processes": "more machines or cores: tests/load/test_load_workers.py",
    r"--yes-live": "loads a live endpoint, and bills: tests/load/test_load_spending.py",
    r"selfcheck": "takes minutes: test_faults.py and test_mutants.py are the same matrix",
    r"--prompt": "is an application of the reader's: tests/adapters/application",
}
# Pages that other tests run, command by command.
ELSEWHERE = {
    "docs/bring-your-own.md": "tests/test_sample_project.py",
    "docs/process-adapter.md": "tests/adapters/process/test_process_document.py",
}
FOLLOWED = [page for page in PAGES if name_of(page) not in ELSEWHERE]


def excuse(command: Command) -> str | None:
    return next((reason for part, reason in EXCUSED.items() if re.search(part, command.line)), None)


def commands(page: Path) -> Iterator[Command]:
    yield from (step for step in steps(page) if isinstance(step, Command))


# What a guide runs is not run again for the README.
GUIDED = {each.line for page in FOLLOWED[1:] for each in commands(page)}


@pytest.fixture
def reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Reader]:
    reader = Reader(tmp_path, monkeypatch, capsys)
    yield reader
    reader.close()


@pytest.mark.heavy
@pytest.mark.parametrize(
    "page", [page for page in FOLLOWED if any(True for _ in commands(page))], ids=name_of
)
def test_a_page_can_be_followed(page: Path, reader: Reader) -> None:
    for step in steps(page):
        known = isinstance(step, Command) and page == PAGES[0] and step.line in GUIDED
        if isinstance(step, Command) and (excuse(step) or (known and step.is_ours)):
            continue
        reader.follow(step)


@pytest.mark.parametrize("part", EXCUSED)
def test_an_excuse_is_needed(part: str) -> None:
    excused = [each.line for page in FOLLOWED for each in commands(page)]

    assert [line for line in excused if re.search(part, line)]


@pytest.mark.parametrize("test", ELSEWHERE.values())
def test_a_page_that_is_run_elsewhere_is_named_there(test: str) -> None:
    (page,) = (page for page, where in ELSEWHERE.items() if where == test)

    assert Path(page).name in (ROOT / test).read_text("utf-8")
