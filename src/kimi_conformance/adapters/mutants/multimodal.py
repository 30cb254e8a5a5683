"""Clients that send less of a picture than they were given."""

from collections.abc import Mapping
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.mutants.requests import OtherBody

__all__ = ["MUTANTS"]

Body = Mapping[str, Any]


class OtherParts(OtherBody):
    """Sends what `parts` makes of the parts of each message."""

    def parts(self, content: list[Body]) -> object:
        """Other content."""
        raise NotImplementedError

    def changed(self, body: Body) -> Body:
        """Change content that is a list."""
        messages = [
            {**message, "content": self.parts(message["content"])}
            if isinstance(message.get("content"), list)
            else message
            for message in body["messages"]
        ]
        return {**body, "messages": messages}


class JoinsTexts(OtherParts):
    """Keeps the text of a message and nothing else."""

    breaks = frozenset({"MM-01"})

    def parts(self, content: list[Body]) -> object:
        """One text."""
        return "".join(part.get("text", "") for part in content)


class WrapsImages(OtherParts):
    """Writes every URL into an object, and nothing beside it."""

    breaks = frozenset({"MM-01"})

    def parts(self, content: list[Body]) -> object:
        """The other legal form of an image."""
        return [
            {**part, "image_url": {"url": _url(part["image_url"])}} if "image_url" in part else part
            for part in content
        ]


def _url(image: Any) -> Any:
    return image["url"] if isinstance(image, dict) else image


MUTANTS: tuple[type[Mutant], ...] = (JoinsTexts, WrapsImages)
