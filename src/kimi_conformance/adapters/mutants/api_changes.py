"""Clients that a change of the API takes by surprise."""

from typing import ClassVar

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]


class KnowsOneVersion(Mutant):
    """Asks version one, whatever the base URL says."""

    breaks = frozenset({"APICHG-02"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Another version in the path of a chat."""
        if self.doing == "chat":
            path = request.url.path.replace("/v2/", "/v1/")
            request.url = request.url.copy_with(path=path)
        return request


class _SaysLess(Mutant):
    """Leaves a line out of its diagnosis."""

    without: ClassVar[str]

    async def diagnosis(self) -> str:
        """The other lines."""
        lines = (await super().diagnosis()).splitlines()
        return "\n".join(line for line in lines if self.without not in line)


class SaysNothingOfLostModels(_SaysLess):
    """Does not say that the API has retired a model."""

    breaks = frozenset({"APICHG-03"})
    without = "does not offer any more"


class SaysNothingOfNewModels(_SaysLess):
    """Does not say that the API has a model that nobody has documented."""

    breaks = frozenset({"APICHG-03"})
    without = "does not know"


MUTANTS: tuple[type[Mutant], ...] = (
    KnowsOneVersion,
    SaysNothingOfLostModels,
    SaysNothingOfNewModels,
)
