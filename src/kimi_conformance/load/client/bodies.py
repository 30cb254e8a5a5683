"""
Request bodies as bytes: made once, shared by all users, however large.

A body that holds `FRESH` differs from request to request in that place, and only there: what
stands before and after it is shared.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.load.client.texts import FRESH

__all__ = ["Bodies", "Ready"]

_ENCODED = 1000  # request bodies that are kept as bytes
_FRESH = FRESH.encode()


@dataclass(frozen=True, slots=True)
class Ready:
    """A request that need not be made again.

    Attributes:
        name: What samples call it.
        model: Which model is asked.
        before: Its bytes, up to the place of something new.
        after: Its bytes from there on, or None: there is no such place.
    """

    name: str
    model: str
    before: bytes = field(repr=False)
    after: bytes | None = field(default=None, repr=False)

    def parts(self) -> tuple[bytes, ...]:
        """The body of the next request, in pieces that are shared."""
        if self.after is None:
            return (self.before,)
        return (self.before + uuid4().hex.encode(), self.after)


@dataclass(kw_only=True)
class Bodies:
    """The request bodies of a run.

    Attributes:
        model: Which model is asked, where a body does not say.
        fixtures: Folders of request bodies; the first that has a body gives it.
    """

    model: str
    fixtures: tuple[Path, ...] = ()
    _read: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    _encoded: dict[Any, Ready] = field(default_factory=dict, repr=False)

    def named(self, name: str) -> Mapping[str, Any]:
        """A request body by its name: of those made here, else from the fixtures.

        Raises:
            UsageError: There is none of this name, or it is no JSON object.
        """
        if name not in self._read:
            self._read[name] = _read_body(name, self.fixtures)
        return self._read[name]

    def add(self, name: str, make: Callable[[], Mapping[str, Any]]) -> None:
        """Have a body of this name made, unless there is one."""
        if name not in self._read:
            self._read[name] = make()

    def ready(
        self, body: str | Mapping[str, Any], fields: Mapping[str, Any], *, streamed: bool
    ) -> Ready:
        """The request, from memory where it has a name and fields that are plain values."""
        if not isinstance(body, str):
            return self._encode("inline", body, fields, streamed=streamed)
        try:
            key = (body, streamed, *fields.items())
            found = self._encoded.get(key)
        except TypeError:  # a field that is a list or an object
            return self._encode(body, self.named(body), fields, streamed=streamed)
        if found is None:
            found = self._encode(body, self.named(body), fields, streamed=streamed)
            if len(self._encoded) < _ENCODED:
                self._encoded[key] = found
        return found

    def _encode(
        self, name: str, given: Mapping[str, Any], fields: Mapping[str, Any], *, streamed: bool
    ) -> Ready:
        stream = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
        request = {"model": self.model, **given, **fields, **stream}
        body = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()
        before, fresh, after = body.partition(_FRESH)
        return Ready(name, str(request["model"]), before, after if fresh else None)


def _read_body(name: str, folders: tuple[Path, ...]) -> Mapping[str, Any]:
    for folder in folders:
        file = folder / f"{name}.json"
        if file.is_file():
            try:
                body = json.loads(file.read_bytes())
            except ValueError as error:
                raise UsageError(
                    f"The request body fixtures/{name}.json is not JSON: {error}"
                ) from error
            if isinstance(body, dict):
                return body
            raise UsageError(f"The request body fixtures/{name}.json is no JSON object.")
    known = [
        str(file.relative_to(folder).with_suffix(""))
        for folder in folders
        for file in folder.rglob("*.json")
    ]
    raise UsageError(f"There is no request body '{name}' in fixtures. {nearest(name, known)}")
