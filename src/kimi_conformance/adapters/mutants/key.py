"""Clients that let the key go where it does not belong."""

from collections.abc import Mapping

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]


class FollowsAnywhere(Mutant):
    """Follows every redirection, with all headers."""

    breaks = frozenset({"KEY-01"})

    async def carry(self, request: httpx.Request) -> httpx.Response:
        """Ask again where the answer says."""
        response = await super().carry(request)
        location = response.headers.get("location")
        if location is None:
            return response
        await response.aread()
        headers: Mapping[str, str] = {
            name: value for name, value in request.headers.items() if name != "host"
        }
        again = httpx.Request(
            request.method,
            request.url.join(location),
            headers=headers,
            content=request.content,
            extensions=request.extensions,
        )
        return await super().carry(again)


class ShowsTheKeyItRefuses(Mutant):
    """Says which key it cannot send."""

    breaks = frozenset({"KEY-02"})

    async def check_key(self) -> object:
        """The same, with the key in the message."""
        try:
            return await super().check_key()
        except ValueError as error:
            raise ValueError(f"{error} The key was {self.binding.api_key!r}.") from error


class SendsPartOfTheKey(Mutant):
    """Takes the first line of what it is given for the key."""

    breaks = frozenset({"CONFIG-17", "KEY-02"})

    async def check_key(self) -> object:
        """Check what stands before a line break, or behind a space."""
        key = (self.binding.api_key or "").split("\n")[0].strip().lower()
        object.__setattr__(self.settings, "api_key", key or None)
        return await super().check_key()


MUTANTS: tuple[type[Mutant], ...] = (FollowsAnywhere, ShowsTheKeyItRefuses, SendsPartOfTheKey)
