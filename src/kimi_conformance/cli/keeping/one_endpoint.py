"""Which endpoint of the history is meant: what several answered is never added up."""

from collections.abc import Iterable

from kimi_conformance.errors import UsageError

__all__ = ["bare", "only_endpoint"]


def bare(base_url: str) -> str:
    """A base URL as it is compared: with or without a slash at its end it is the same."""
    return base_url.rstrip("/")


def only_endpoint(known: Iterable[str], named: str | None) -> str | None:
    """The base URL of the endpoint that is named, or of the only one; None where there is none.

    Args:
        known: Base URLs of what the history holds of the time in question.
        named: As the user names it, or None.

    Raises:
        UsageError: There are several, and none is named.
    """
    if named:
        return bare(named)
    found = sorted(set(map(bare, known)))
    if len(found) > 1:
        raise UsageError(
            f"In this window the history knows {len(found)} endpoints: {', '.join(found)}. "
            "Name one with --base-url."
        )
    return found[0] if found else None
