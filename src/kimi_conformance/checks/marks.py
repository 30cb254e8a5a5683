"""How a check is tied to the catalogue."""

import pytest

__all__ = ["needs", "requirement"]


def requirement(id: str) -> pytest.MarkDecorator:
    """Bind a check, or one variant of it, to the requirement it decides.

    Usable as a decorator, and as `marks=` of `pytest.param`: the innermost mark decides.
    """
    return pytest.mark.requirement(id)


def needs(capability: str) -> pytest.MarkDecorator:
    """Say of a check, or of one variant, that it takes more than its requirement does.

    Usable as a decorator, and as `marks=` of `pytest.param`; `capability` is a key of
    `ENDPOINT_CAPABILITIES`, or of an adapter's `CAPABILITIES`.
    """
    return pytest.mark.needs(capability)
