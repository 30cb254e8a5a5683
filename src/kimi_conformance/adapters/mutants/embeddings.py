"""Clients that mislead their user about embeddings."""

from kimi_conformance.adapters.mutants.mutant import Mutant

__all__ = ["MUTANTS"]


class OffersChatModelsForEmbeddings(Mutant):
    """Lists every model it has."""

    breaks = frozenset({"EMBED-01", "PROV-17"})

    async def list_embedding_models(self) -> object:
        """The chat models."""
        return list(await self.list_models())


class KnowsNoEmbeddings(Mutant):
    """Fails in place of an empty list."""

    breaks = frozenset({"EMBED-01", "EMBED-02", "PROV-17"})

    async def list_embedding_models(self) -> object:
        """No list at all."""
        raise NotImplementedError("Kimi has no embeddings")


class AsksForEmbeddings(Mutant):
    """Needs the API to say that there are none."""

    breaks = frozenset({"EMBED-02"})

    async def list_embedding_models(self) -> object:
        """The list first, or the error in its place."""
        await self.sound.fetch_models()
        return await super().list_embedding_models()


MUTANTS: tuple[type[Mutant], ...] = (
    OffersChatModelsForEmbeddings,
    KnowsNoEmbeddings,
    AsksForEmbeddings,
)
