"""What the reference adapter says of a list that came, and of one that did not."""

import pytest

from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.adapters.reference import (
    LLMAuthenticationError,
    LLMConnectionError,
    LLMServerError,
    MissingKeyError,
    OfflineError,
)
from kimi_conformance.adapters.reference.diagnosis import Listed, diagnosis


def told(listed: Listed) -> dict[str, str]:
    lines = diagnosis(None, has_key=True, providers=1, known=["old", "kept"], listed=listed)
    return dict(line.split(": ", 1) for line in lines.splitlines() if ": " in line)


def test_a_list_shows_what_has_come_and_what_has_gone() -> None:
    said = told([ModelConfig(id="kept"), ModelConfig(id="new")])

    assert said["Models that the table does not know"] == "new"
    assert said["Models that the API does not offer any more"] == "old"


@pytest.mark.parametrize(
    ("error", "of_the_key", "of_the_network"),
    [
        (MissingKeyError("none"), "API key error", "not tried"),
        (LLMAuthenticationError("no"), "API key error", "the API was reached"),
        (LLMServerError("down"), "API key not checked", "the API was reached"),
        (LLMConnectionError("gone"), "API key not checked", "the API was not reached: gone"),
        (OfflineError("off"), "API key not checked", "not tried"),
    ],
)
def test_an_error_is_held_against_the_one_whose_it_is(
    error: Exception, of_the_key: str, of_the_network: str
) -> None:
    said = told(error)

    assert of_the_key in said
    assert said["Network"] == of_the_network


def test_a_list_that_nobody_asked_for_decides_nothing() -> None:
    lines = diagnosis("true", has_key=False, providers=0, known=[], listed=None).splitlines()

    assert "API key not checked" in lines
    assert "LETTA_DISABLE_KIMI_PROVIDER: 'true'" in lines
    assert "KIMI_API_KEY: not set" in lines
