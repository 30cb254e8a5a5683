"""What is committed: no secret, no package index, no machine's path, no long file without why."""

import ast
import re
import unicodedata
from collections import Counter

from tests.committed import ROOT, committed

from kimi_conformance.cassettes import find_secrets

# Files whose subject is what secrets look like.
ABOUT_SECRETS = {"tests/cassettes/test_secrets.py", "tests/cassettes/test_cassettes.py"}


LONG = 400  # lines


def test_no_committed_file_holds_a_secret() -> None:
    found = {
        name: secrets
        for name in committed()
        if name not in ABOUT_SECRETS and not name.startswith("tests/")
        if (secrets := find_secrets((ROOT / name).read_bytes()))
    }

    assert found == {}


def test_no_committed_file_names_a_package_index_or_a_machines_path() -> None:
    index = re.compile(rb"https?://[^\s\"']*(pypi|pythonhosted|npmjs|debian)\.org")
    path = re.compile(rb"(?<![\w./-])/(home|root|Users|work|farm)/\w")
    found = [
        name
        for name in committed()
        if index.search((ROOT / name).read_bytes()) or path.search((ROOT / name).read_bytes())
    ]

    assert found == []


def test_every_committed_name_is_one_on_every_system() -> None:
    """Case and composition are lost on macOS, devices and dots at an end on Windows."""
    names = committed()
    folded = Counter(unicodedata.normalize("NFC", name).casefold() for name in names)
    device = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
    odd = [
        name
        for name in names
        for part in name.split("/")
        if device.fullmatch(part) or part[-1] in ". " or re.search(r'[<>:"\\|?*\x00-\x1f]', part)
    ]

    assert [name for name, count in folded.items() if count > 1] == []
    assert odd == []
    assert max(map(len, names)) <= 160  # of 260 with the folder of a checkout


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()

    assert all(line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.+]+", line) for line in lines)


def test_a_file_that_is_long_says_why_at_its_top() -> None:
    texts = {name: (ROOT / name).read_text("utf-8") for name in committed() if name.endswith(".py")}
    unexplained = [
        name
        for name, text in texts.items()
        if text.count("\n") > LONG
        and not re.search(r"^Long because ", ast.get_docstring(ast.parse(text)) or "", re.MULTILINE)
    ]

    assert unexplained == []
