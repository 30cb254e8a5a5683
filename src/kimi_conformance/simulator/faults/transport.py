"""Faults of the connection, and of what HTTP says about the body."""

from dataclasses import replace

from kimi_conformance.simulator.faults.change import is_json, is_stream, on_answer, with_header
from kimi_conformance.simulator.faults.fault import Change, Fault, Parameters, Sound
from kimi_conformance.wire.exchange import Answer, Ending, Frame, Request

__all__ = ["TRANSPORT"]

_FRAMES = {"frames": 2}


def _ends(ending: Ending) -> Change:
    """End a stream after `frames` of its events, a whole answer in the middle of its body."""

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        answer = sound.reply(request)
        frames = tuple(answer.frames)
        if len(frames) > 1:
            frames = frames[: parameters["frames"]]
        elif frames:
            data = frames[0].data
            frames = (Frame(frames[0].at, data[: len(data) // 2]),)
        return replace(answer, frames=frames, ending=ending)

    return change


def _never(_: Request, __: Sound, ___: Parameters) -> Answer:
    return Answer(raw=True, ending=Ending.STALLED)


def _says_shorter(answer: Answer) -> Answer | None:
    if not is_json(answer):
        return None
    return with_header(answer, "Content-Length", str(max(len(answer.body) - 7, 0)))


def _says_text(answer: Answer) -> Answer:
    return with_header(answer, "Content-Type", "text/plain; charset=utf-8")


def _says_other_charset(answer: Answer) -> Answer:
    kind = "text/event-stream" if is_stream(answer) else "application/json"
    return with_header(answer, "Content-Type", f"{kind}; charset=gb18030")


def _half_json(answer: Answer) -> Answer | None:
    if not is_json(answer):
        return None
    return replace(answer, frames=(Frame(answer.frames[0].at, answer.body[:-2]),))


def _no_utf8(answer: Answer) -> Answer:
    """Put a byte that is no UTF-8 into the first text of each frame."""
    frames = (Frame(each.at, each.data.replace(b'":"', b'":"\xff', 1)) for each in answer.frames)
    return replace(answer, frames=tuple(frames))


TRANSPORT = (
    Fault(
        name="cut",
        text="Closes the connection before the body's end.",
        change=_ends(Ending.CUT),
        defaults=_FRAMES,
        breaks=frozenset({"WIRE-001"}),
    ),
    Fault(
        name="reset",
        text="Resets the connection before the body's end.",
        change=_ends(Ending.RESET),
        defaults=_FRAMES,
        breaks=frozenset({"WIRE-001"}),
    ),
    Fault(
        name="stall",
        text="Falls silent before the body's end and keeps the connection.",
        change=_ends(Ending.STALLED),
        defaults=_FRAMES,
        breaks=frozenset({"WIRE-001"}),
    ),
    Fault(
        name="no_answer",
        text="Never answers, and keeps the connection.",
        change=_never,
        breaks=frozenset({"WIRE-001"}),
    ),
    Fault(
        name="wrong_content_type",
        text="Says text/plain of everything.",
        change=on_answer(_says_text),
        breaks=frozenset({"WIRE-003", "SSE-001"}),
    ),
    Fault(
        name="wrong_charset",
        text="Says a charset that is not UTF-8.",
        change=on_answer(_says_other_charset),
        breaks=frozenset({"WIRE-003", "SSE-001"}),
    ),
    Fault(
        name="wrong_content_length",
        text="Announces fewer bytes of JSON than it sends.",
        change=on_answer(_says_shorter),
        breaks=frozenset({"WIRE-002"}),
    ),
    Fault(
        name="half_json",
        text="Leaves out the end of a JSON body.",
        change=on_answer(_half_json),
        breaks=frozenset({"WIRE-004"}),
    ),
    Fault(
        name="no_utf8",
        text="Sends bytes that are no UTF-8.",
        change=on_answer(_no_utf8),
        breaks=frozenset({"WIRE-004", "SSE-002", "MESSAGES-003"}),
    ),
)
