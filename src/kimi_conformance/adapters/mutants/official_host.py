"""Clients that decide in a wrong way whether they speak to the host that keeps caches."""

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]


class CachesAtOneSpellingOnly(Mutant):
    """Knows the official base URL without a slash at its end only."""

    breaks = frozenset({"CACHE-01"})

    def caches(self) -> bool | None:
        """By the text."""
        if self.binding.context_cache is not None:
            return self.binding.context_cache
        return self.binding.base_url == "https://api.moonshot.cn/v1"


class CachesWhenConfigured(Mutant):
    """Waits for its user to turn caching on."""

    breaks = frozenset({"CACHE-01", "CACHE-30"})

    def caches(self) -> bool | None:
        """By a variable."""
        if self.binding.context_cache is not None:
            return self.binding.context_cache
        return "KIMI_CONTEXT_CACHE" in self.binding.environment


class CachesAtAnythingSimilar(Mutant):
    """Looks for the official host anywhere in the base URL, and takes any host of Moonshot's."""

    breaks = frozenset({"CACHE-02"})

    def caches(self) -> bool | None:
        """By a part of the text."""
        base_url = self.binding.base_url or ""
        return self.binding.context_cache or "api.moonshot." in base_url


class AsksTheOfficialHostForCaches(CachesAtAnythingSimilar):
    """Finds the official name in the base URL, and sends its caches there, and the key, too."""

    breaks = frozenset({"CACHE-02"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Creations and deletions go to the official host, also where chats do not."""
        similar = "api.moonshot." in (self.binding.base_url or "")
        _, _, path = request.url.path.rpartition("/v1/")
        if similar and path.startswith("caching"):
            request.url = httpx.URL(f"https://api.moonshot.cn/v1/{path}")
        return request


MUTANTS = (
    CachesAtOneSpellingOnly,
    CachesWhenConfigured,
    CachesAtAnythingSimilar,
    AsksTheOfficialHostForCaches,
)
