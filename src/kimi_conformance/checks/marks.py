"""How a check is tied to the catalogue."""

import pytest

__all__ = ["requirement"]


def requirement(id: str) -> pytest.MarkDecorator:
    """Bind a check, or one variant of it, to the requirement it decides.

    Usable as a decorator, and as `marks=` of `pytest.param`: the innermost mark decides.
    """
    return pytest.mark.requirement(id)
