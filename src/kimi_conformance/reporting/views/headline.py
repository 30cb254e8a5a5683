"""The sentences at the top: the verdict, who was judged, who answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kimi_conformance.reporting.views.matrix import Column
from kimi_conformance.reporting.views.service import Load, is_loopback
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Conclusion, RunVerdict

__all__ = ["Headline", "heading", "headline_of", "judged", "origin", "tested"]

_TONES = {
    RunVerdict.CONFORMANT: "held",
    RunVerdict.NOT_CONFORMANT: "broken",
    RunVerdict.INCONCLUSIVE: "open",
}
_KEPT = {RunVerdict.CONFORMANT.value: "KEPT", RunVerdict.NOT_CONFORMANT.value: "NOT KEPT"}
_ORIGINS = {
    "simulator": "The embedded simulator answered, not the real API.",
    "cassette": "Recordings answered (cassettes); each of them says where it was made.",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict on the run.

    Attributes:
        word: "CONFORMANT", "NOT CONFORMANT" or "INCONCLUSIVE".
        tone: "held", "broken" or "open", for colour and shape.
        because: The sentence to read first.
    """

    word: str
    tone: str
    because: str


def headline_of(
    run: Run, conclusion: Conclusion, *, checked: bool
) -> tuple[Headline, tuple[str, ...]]:
    """The footer's verdict, unless the evidence before it is worse or it is missing.

    With it come alerts: what to know before believing it.
    """
    if not run.complete or run.footer is None:
        alert = (
            "This run was cut short: its evidence ends without a footer. What was found until "
            "then is shown; what is missing counts as not decided."
        )
        return judged(conclusion, complete=False), (alert,)
    verdict = RunVerdict(run.footer["verdict"])
    if checked and verdict is RunVerdict.CONFORMANT is not conclusion.verdict:
        alert = f"The run's footer says {verdict}, but its checks do not bear that out."
        return _spoken(conclusion.verdict, conclusion.because), (alert,)
    because = str(run.footer.get("because") or conclusion.because)
    alone = not (run.loads or run.looked or run.proofs or run.refused)  # nothing else decided it
    if checked and alone and (verdict, because) != (conclusion.verdict, conclusion.because):
        alert = (
            "The verdict is that of the day of the run. Its checks are counted by the requirements "
            f"of today, by which it is {conclusion.verdict}: {conclusion.because}."
        )
        return _spoken(verdict, because), (alert,)
    return _spoken(verdict, because), ()


def judged(conclusion: Conclusion, *, complete: bool) -> Headline:
    """What the outcomes say; half a run can break a requirement, but show none to hold."""
    if conclusion.verdict is RunVerdict.CONFORMANT and not complete:
        return _spoken(RunVerdict.INCONCLUSIVE, "the run did not come to its end")
    return _spoken(conclusion.verdict, conclusion.because)


def _spoken(verdict: RunVerdict, because: str) -> Headline:
    return Headline(verdict, _TONES[verdict], because[:1].upper() + because[1:])


def tested(columns: Sequence[Column], edition: str, loads: Sequence[Load]) -> str:
    """Who was judged against what, in a sentence."""
    names = [
        " ".join(part for part in ("the " * (c.plane == "endpoint") + c.name, c.version) if part)
        for c in columns
    ]
    if not names and loads:
        return f"A service was loaded, by {_listed([load.scenario for load in loads])}."
    if not names:
        return "No SUT was judged."
    listed = _listed(names)
    verb = "was" if len(names) == 1 else "were"
    against = f"edition {edition} of the API" if edition else "the API"
    sentence = f"{listed} {verb} judged against {against}."
    return sentence[:1].upper() + sentence[1:] if sentence.startswith("the ") else sentence


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def origin(header: Mapping[str, Any]) -> str:
    """Who answered; an endpoint is called live only where it is on another machine."""
    lane, source = str(header.get("lane", "")), str(header.get("source", ""))
    if lane != "live":
        return _ORIGINS.get(lane) or f"Lane “{lane}”, source “{source}”: who answered is unknown."
    if not source.startswith("live"):
        return f"The live lane was asked for, but what answered is: {source}."
    place = source.removeprefix("live").strip(" ()") or "its address was not recorded"
    if is_loopback(place):
        return f"An endpoint on this machine answered: {place}."
    return f"A live endpoint answered: {place}."


def heading(found: Headline, *, checked: bool, loaded: bool) -> str:
    """The verdict as a page names it: a run of loads alone is kept or not, and not conformant."""
    return found.word if checked or not loaded else _KEPT.get(found.word, found.word)
