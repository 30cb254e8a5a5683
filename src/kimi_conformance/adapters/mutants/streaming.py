"""Clients that misread a stream, or take half of one for a whole answer."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant, body_of, with_body
from kimi_conformance.adapters.protocol import ChatRequest, Chunk
from kimi_conformance.adapters.reference import LLMError
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]

Body = Mapping[str, Any]
DONE = b"data: [DONE]"


class OtherChunks(Mutant):
    """Hands on what `changed` makes of each chunk."""

    def changed(self, body: Body) -> Body:
        """Another chunk."""
        raise NotImplementedError

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """Change every chunk."""
        async for chunk in super().stream(request):
            yield replace(chunk, body=self.changed(chunk.body))


class DropsUnknownFields(OtherChunks):
    """Keeps of a chunk what its own model of chunks knows."""

    breaks = frozenset({"STREAM-01"})
    known = ("id", "object", "created", "model", "choices", "usage", "system_fingerprint")

    def changed(self, body: Body) -> Body:
        """Known fields only."""
        return {name: body[name] for name in self.known if name in body}


class DropsUsageOfChoices(OtherChunks):
    """Looks for usage at the top level only, where Kimi does not put it."""

    breaks = frozenset({"STREAM-01"})

    def changed(self, body: Body) -> Body:
        """Choices without usage."""
        choices = [
            {name: value for name, value in choice.items() if name != "usage"}
            for choice in body["choices"]
        ]
        return {**body, "choices": choices}


class DropsPiecesOfToolCalls(OtherChunks):
    """Keeps the first piece of a tool call, which has its name."""

    breaks = frozenset({"STREAM-01"})

    def changed(self, body: Body) -> Body:
        """Deltas without later pieces."""
        return {**body, "choices": [self._choice(choice) for choice in body["choices"]]}

    def _choice(self, choice: Body) -> Body:
        delta = choice["delta"]
        if any("id" not in call for call in delta.get("tool_calls", ())):
            delta = {name: value for name, value in delta.items() if name != "tool_calls"}
        return {**choice, "delta": delta}


class AsksForAWholeAnswer(Mutant):
    """Sends stream: false and hopes for a stream."""

    breaks = frozenset({"STREAM-02", "STREAM-04"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The same body, not streamed."""
        if self.doing != "stream":
            return request
        return with_body(request, {**json.loads(request.content), "stream": False})


class OtherBytes(Mutant):
    """Reads what `read` makes of the bytes of a stream."""

    def read(self, data: bytes) -> bytes:
        """Other bytes, as a careless parser sees them."""
        raise NotImplementedError

    async def incoming(self, response: httpx.Response) -> httpx.Response:
        """Change the whole body of a stream."""
        if self.doing != "stream":
            return response
        response, data = await body_of(response)
        return httpx.Response(
            response.status_code, headers=response.headers, content=self.read(data)
        )


class ReadsLinesThatEndInLFOnly(OtherBytes):
    """Does not see lines that end in CRLF."""

    breaks = frozenset({"STREAM-02"})

    def read(self, data: bytes) -> bytes:
        """Without such lines."""
        return re.sub(rb"[^\n]*\r\n", b"", data)


class NeedsASpaceAfterTheColon(OtherBytes):
    """Does not see "data:" without a space behind it."""

    breaks = frozenset({"STREAM-02"})

    def read(self, data: bytes) -> bytes:
        """Without such lines."""
        return re.sub(rb"data:[^ ][^\n]*\n", b"", data)


class TakesEveryLineForData(OtherBytes):
    """Knows neither comments nor the other fields of an event."""

    breaks = frozenset({"STREAM-02"})

    def read(self, data: bytes) -> bytes:
        """Comments and fields turned into data."""
        return re.sub(rb"(?m)^(:|event:|id:)", rb"data: \1", data)


class EndsAtAnEmptyLine(OtherBytes):
    """Takes a second empty line for the end of the stream."""

    breaks = frozenset({"STREAM-02"})

    def read(self, data: bytes) -> bytes:
        """Up to the first double gap."""
        return data.partition(b"\n\n\n")[0]


class ReadsOnBehindDone(OtherBytes):
    """Reads until the connection ends, whatever was said before."""

    breaks = frozenset({"STREAM-06"})

    def read(self, data: bytes) -> bytes:
        """The end of the stream moved behind everything."""
        before, end, late = data.partition(DONE)
        late = late.replace(DONE, b'data: {"choices":[]}')
        return before + late.lstrip(b"\n") + end + b"\n\n" if end else data


class _Pieces(httpx.AsyncByteStream):
    """A body whose pieces are changed one by one as they arrive."""

    def __init__(self, mutant: "OtherPieces", response: httpx.Response) -> None:
        self._mutant = mutant
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._response.aiter_raw():
            yield self._mutant.read(piece)

    async def aclose(self) -> None:
        await self._response.aclose()


class OtherPieces(Mutant):
    """Reads what `read` makes of each piece that the network delivers."""

    def read(self, piece: bytes) -> bytes:
        """Other bytes, as a careless parser sees them."""
        raise NotImplementedError

    async def incoming(self, response: httpx.Response) -> httpx.Response:
        """Change the pieces of a stream."""
        if self.doing != "stream":
            return response
        return httpx.Response(
            response.status_code, headers=response.headers, stream=_Pieces(self, response)
        )


class DecodesEachPieceAlone(OtherPieces):
    """Decodes UTF-8 piece by piece, so that a split character is lost."""

    breaks = frozenset({"STREAM-02", "STREAM-05"})

    def read(self, piece: bytes) -> bytes:
        """Half characters replaced."""
        return piece.decode("utf-8", "replace").encode()


class ReadsOneEventAPiece(OtherPieces):
    """Expects each event in a piece of its own, and reads the last one of several."""

    breaks = frozenset({"STREAM-02", "STREAM-05"})

    def read(self, piece: bytes) -> bytes:
        """Of several events, the last."""
        *_, last = piece.rstrip(b"\n").rpartition(b"\n\n")
        return last + b"\n\n" if piece.endswith(b"\n\n") else piece


class LosesTheLastWords(Mutant):
    """Empties the chunk before the end, which has the last words."""

    breaks = frozenset({"STREAM-01", "STREAM-02", "STREAM-05"})

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """Give the last chunk but one without its delta."""
        held = [chunk async for chunk in super().stream(request)]
        for chunk in held[-2:-1]:
            choices = [{**choice, "delta": {}} for choice in chunk.body["choices"]]
            held[-2] = replace(chunk, body={**chunk.body, "choices": choices})
        for chunk in held:
            yield chunk


class TakesHalfForWhole(Mutant):
    """Ends quietly where a stream breaks off."""

    breaks = frozenset({"STREAM-02"})

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """Swallow every error."""
        try:
            async for chunk in super().stream(request):
                yield chunk
        except LLMError:
            return


MUTANTS = (
    DropsUnknownFields,
    DropsUsageOfChoices,
    DropsPiecesOfToolCalls,
    AsksForAWholeAnswer,
    ReadsLinesThatEndInLFOnly,
    NeedsASpaceAfterTheColon,
    TakesEveryLineForData,
    EndsAtAnEmptyLine,
    ReadsOnBehindDone,
    DecodesEachPieceAlone,
    ReadsOneEventAPiece,
    LosesTheLastWords,
    TakesHalfForWhole,
)
