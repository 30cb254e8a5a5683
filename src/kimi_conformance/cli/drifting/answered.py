"""What one answer tells: its traits, the laws that it breaks, or nothing at all."""

from collections.abc import Mapping, Sequence

from kimi_conformance.drift import Trait, observe
from kimi_conformance.requirements import Plane
from kimi_conformance.verdicts import is_outage
from kimi_conformance.wire.exchange import Answer, Exchange, Request
from kimi_conformance.wire.validators import judge

__all__ = ["MODELS", "broken_laws", "tells_nothing", "traits_of"]

MODELS = "/v1/models"


def traits_of(request: Request, answer: Answer, models: Sequence[str]) -> Mapping[Trait, str]:
    """The traits of an answer; of a list of models without which ones it names."""
    traits = observe(answer, models)
    if request.path == MODELS:  # which models there are, and how many tokens, is told elsewhere
        return {trait: value for trait, value in traits.items() if trait.path != "data[].id"}
    return traits


def tells_nothing(recorded: Answer, answer: Answer) -> bool:
    """Whether an answer speaks of an outage only, and the recording of none."""
    return is_outage(answer.status, answer.body) and answer.status != recorded.status


def broken_laws(request: Request, answer: Answer) -> set[str]:
    """The wire laws that an answer breaks."""
    exchange = Exchange(id="", request=request, answer=answer, started=0.0, source="drift")
    return {finding.law for finding in judge(exchange, Plane.ENDPOINT) if finding.violations}
