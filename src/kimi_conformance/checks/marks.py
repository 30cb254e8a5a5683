"""How a check is tied to the catalogue."""

import pytest

__all__ = ["needs", "requirement"]


def requirement(id: str) -> pytest.MarkDecorator:
    """Bind a check, or one variant of it, to the requirement it decides.

    Usable as a decorator, and as `marks=` of `pytest.param`: the innermost mark decides.
    """
    return pytest.mark.requirement(id)


def needs(capability: str) -> pytest.MarkDecorator:
    """Say of one variant of a check that it is about what an endpoint may not offer.

    For `marks=` of `pytest.param`, where the requirement as such is about every endpoint;
    `capability` is a key of `ENDPOINT_CAPABILITIES`.
    """
    return pytest.mark.needs(capability)
