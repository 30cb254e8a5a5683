"""What a service describes in an answer: one of the things that it keeps, or a list of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from kimi_conformance.wire.json_values import elements, members
from kimi_conformance.wire.reading import Reading

__all__ = ["described"]


def described(reading: Reading, all_of_them: str, *, is_one: bool) -> Sequence[Mapping[str, Any]]:
    """The members of each thing that an answer describes.

    Nothing, where it tells of an error: WIRE-006 judges that.

    Args:
        reading: Of the exchange.
        all_of_them: The path whose GET lists them.
        is_one: Whether any other answer like this describes one of them.
    """
    body = members(reading.json) if reading.ok else {}
    if not body or body.get("error") is not None:
        return ()
    if reading.path == all_of_them and reading.method == "GET":
        return [members(item) for item in elements(body.get("data"))]
    return [body] if is_one else ()
