"""The catalogue's reader says what is wrong, where, and what was probably meant."""

import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.requirements import Catalogue, Evidence, Level, Plane

EDITIONS = ("2025-09", "2026-09")
GOOD = """
[[requirement]]
id = "SSE-004"
level = "MUST"
plane = "endpoint"
text = "The last chunk that has a choice names a finish_reason."
source = "API reference, Chat"
evidence = ["documented", "recorded"]
editions = ["2025-09"]

[[excluded]]
id = "UX-01"
text = "Users are satisfied."
source = "roadmap"
reason = "No reply on the wire decides it."
"""


def test_a_requirement_is_read_as_it_stands() -> None:
    catalogue = Catalogue.parse({"streaming": GOOD}, EDITIONS)

    found = catalogue["SSE-004"]
    assert (found.topic, found.level, found.plane) == ("streaming", Level.MUST, Plane.ENDPOINT)
    assert found.evidence == (Evidence.DOCUMENTED, Evidence.RECORDED)
    assert found.editions == ("2025-09",)
    assert found.excluded is None


def test_an_exclusion_keeps_its_reason_and_holds_in_every_edition() -> None:
    excluded = Catalogue.parse({"streaming": GOOD}, EDITIONS)["UX-01"]

    assert excluded.excluded == "No reply on the wire decides it."
    assert excluded.editions == EDITIONS


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('level = "MUST"', 'level = "MUSST"', "level 'MUSST'. Did you mean 'MUST'?"),
        (
            'plane = "endpoint"',
            'plane = "wire"',
            "plane 'wire'. Known: adapter, endpoint, service.",
        ),
        ('"recorded"]', '"recordet"]', "Did you mean 'recorded'?"),
        ('["2025-09"]', '["2025-10"]', "names the edition '2025-10'. Did you mean '2025-09'?"),
        ("text = ", "txt = ", "number 1 (SSE-004) lacks text"),
        ('source = "roadmap"', 'source = "r"\nnote = "x"', "has an unknown key 'note'"),
        ("[[excluded]]", "[[exclude]]", "Did you mean 'excluded'?"),
        ('level = "MUST"', "level = MUST", "streaming.toml is not TOML"),
        ('id = "UX-01"', 'id = "SSE-004"', "Ids are never reused"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, told: str) -> None:
    assert old in GOOD

    with pytest.raises(UsageError) as caught:
        Catalogue.parse({"streaming": GOOD.replace(old, new, 1)}, EDITIONS)

    assert told in str(caught.value)
    assert "streaming.toml" in str(caught.value)


def test_an_unknown_id_is_answered_with_the_nearest() -> None:
    catalogue = Catalogue.parse({"streaming": GOOD}, EDITIONS)

    with pytest.raises(UsageError, match="Did you mean 'SSE-004'"):
        catalogue["SSE-04"]
