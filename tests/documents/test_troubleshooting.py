"""Every message of the tool has an entry in docs/troubleshooting.md, and every entry a message."""

import re
from collections.abc import Mapping
from functools import cache

import pytest
from tests.documents.messages import HOLE, Message, messages
from tests.documents.pages import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
# The first column of a table "you see": several texts stand for one entry.
SEEN = re.findall(r"^\| (`.+?`(?:, `.+?`)*) \|", PAGE, re.MULTILINE)
ENTRIES = [text for cell in SEEN for text in re.findall(r"`([^`]+)`", cell)]
# A heading speaks of all that is said in these files, or by these classes.
FAMILIES: Mapping[str, frozenset[str]] = {
    "A file of yours": frozenset(
        {
            *("baselines.py", "requirements.py", "editions/reading.py", "slo/reading.py"),
            *("models/overrides.py", "load/users/scenario.py", "load/users/loaded.py"),
            *("load/users/stages.py", "load/users/arrivals.py", "load/users/climb.py"),
            "load/users/trace.py",
        }
    ),
    "A client in another process": frozenset({"ShapeError", "LineError"}),
}


@cache
def pattern(entry: str) -> re.Pattern[str]:
    return re.compile(
        ".*".join(re.escape(part) for part in entry.rstrip(HOLE).split(HOLE)), re.DOTALL
    )


def of(entry: str) -> list[Message]:
    """The messages that begin as an entry does."""
    return [message for message in messages() if pattern(entry).match(message.text)]


def of_a_family(message: Message) -> bool:
    file = message.place.rpartition(":")[0].removeprefix("src/kimi_conformance/")
    return any(family & {file, message.by} for family in FAMILIES.values())


def test_the_source_was_read() -> None:
    assert len(messages()) > 250
    assert {"UsageError", "RunError", "CassetteError", "SendError"} <= {m.by for m in messages()}


def test_every_message_has_an_entry() -> None:
    told = {message for entry in ENTRIES for message in of(entry)}
    untold = [each for each in messages() if each not in told and not of_a_family(each)]

    assert untold == []


def test_every_entry_is_of_a_message() -> None:
    assert [entry for entry in ENTRIES if not of(entry)] == []


def test_every_entry_says_enough_to_be_found() -> None:
    """One that fits nearly everything would hide that a message has none."""
    short = [entry for entry in ENTRIES if len(re.findall(r"[a-zA-Z]", entry)) < 5]
    wide = [entry for entry in ENTRIES if len(of(entry)) > len(messages()) // 10]

    assert short + wide == []


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_a_heading_and_members(family: str) -> None:
    assert f"\n## {family}\n" in PAGE
    assert {each for each in messages() if of_a_family(each)}
