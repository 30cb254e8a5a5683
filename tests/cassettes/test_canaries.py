"""A canary secret in every place and form: what is written holds none, and the detector sees all.

With the scrubber out of order, nothing is written, since the detector stands behind it.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.cassettes.canaries import CANARY, FORMS, PLACES
from tests.cassettes.provenance import PROVENANCE

from kimi_conformance.cassettes import find_secrets, read, scrub
from kimi_conformance.cassettes.recorder import record
from kimi_conformance.cassettes.scrubber import Scrubbed
from kimi_conformance.errors import CassetteError
from kimi_conformance.wire.exchange import Exchange

MADE = replace(PROVENANCE, source="live")
everywhere = pytest.mark.parametrize("place", PLACES)
in_every_form = pytest.mark.parametrize("form", FORMS)


def left_alone(exchange: Exchange, _secrets: tuple[str, ...] = ()) -> Scrubbed:
    """A scrubber that is out of order."""
    return Scrubbed(exchange, ())


@everywhere
@in_every_form
def test_a_canary_is_not_in_the_recording(place: str, form: str, tmp_path: Path) -> None:
    exchange = PLACES[place](FORMS[form](CANARY))
    path = tmp_path / "c.yaml"

    record(path, [exchange], MADE, origin="https://api.moonshot.cn", secrets=(CANARY,))

    assert find_secrets(path.read_bytes(), (CANARY,)) == []
    (kept,) = read(path, "c").interactions
    assert find_secrets(kept.request.body + kept.answer.body, (CANARY,)) == []


@everywhere
@in_every_form
@pytest.mark.parametrize("known", [(CANARY,), ()], ids=["known", "by its form"])
def test_without_the_scrubber_the_detector_stops_it(
    place: str, form: str, known: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kimi_conformance.cassettes.recorder.scrub", left_alone)
    exchange = PLACES[place](FORMS[form](CANARY))
    path = tmp_path / "c.yaml"

    with pytest.raises(CassetteError, match="looks like a secret") as caught:
        record(path, [exchange], MADE, origin="https://api.moonshot.cn", secrets=known)

    assert CANARY not in str(caught.value)
    assert not path.exists()


@everywhere
def test_what_is_scrubbed_can_be_read_as_before(place: str) -> None:
    """A body of JSON stays JSON, an archive an archive, and a length the right one."""
    sound, planted = PLACES[place]("nothing"), PLACES[place](CANARY)

    clean = scrub(planted, (CANARY,)).exchange

    assert clean.request.path.startswith("/v1/")
    assert clean.answer.ending is sound.answer.ending
    assert len(clean.answer.frames) >= 1
    assert (clean.answer.header("Content-Encoding") is None) == (place != "gzip")
