"""A secret that is looked for everywhere, in every form and every place where one can stand."""

import base64
import gzip
import json
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import replace

from kimi_conformance.stage import replies
from kimi_conformance.wire.exchange import Answer, Exchange, Frame, Request

CANARY = "sk-" + "CaNaRy0815MoOnShOt4711" * 2


def percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


FORMS: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "bearer": lambda key: f"Bearer {key}",
    "url": percent,
    "double url": lambda key: urllib.parse.quote(percent(key)),
    "json": lambda key: "".join(f"\\u{ord(char):04x}" for char in key),
    "base64": lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    "base64, one off": lambda key: base64.b64encode(f"users:{key};".encode()).decode(),
    "base64, two off": lambda key: base64.urlsafe_b64encode(f"auser:??{key}??".encode()).decode(),
    "base64 of gzip": lambda key: base64.b64encode(gzip.compress(f"a {key}".encode())).decode(),
}

SOUND = Exchange(
    id="x1",
    request=Request(
        method="POST",
        path="/v1/chat/completions",
        headers=(("Content-Type", "application/json"),),
        body=b'{"model":"moonshot-v1-8k"}',
    ),
    answer=replies.completion("Hello."),
    started=0.0,
    source="live",
)


def asked(**changes: object) -> Exchange:
    return replace(SOUND, request=replace(SOUND.request, **changes))  # type: ignore[arg-type]


def answered(answer: Answer) -> Exchange:
    return replace(SOUND, answer=answer)


def multipart(written: str) -> Exchange:
    body = (
        '--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfile-extract\r\n'
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{written}.txt"\r\n\r\n'
        f"{written}\r\n--b--\r\n"
    )
    return asked(headers=(("Content-Type", "multipart/form-data; boundary=b"),), body=body.encode())


def split_stream(written: str) -> Exchange:
    """In a stream, in the middle of which a frame ends."""
    return answered(replies.split(replies.stream_of(replies.text_chunks("a", written)), 50))


def gzipped(written: str) -> Exchange:
    body = gzip.compress(json.dumps({"a": "b" * 99, "echo": written}).encode())
    headers = (("Content-Encoding", "gzip"), ("Content-Type", "application/json"))
    return answered(Answer(headers=headers, frames=(Frame(0.0, body[:20]), Frame(0.1, body[20:]))))


PLACES: Mapping[str, Callable[[str], Exchange]] = {
    "a header that is kept": lambda key: asked(headers=(("Content-Type", f"text/plain; a={key}"),)),
    "a header that is not": lambda key: asked(headers=(("Authorization", key), ("X-Own", key))),
    "the path": lambda key: asked(path=f"/v1/{key}"),
    "the query": lambda key: asked(query=f"key={key}"),
    "a body": lambda key: asked(body=f'{{"user":"{key}"}}'.encode()),
    "multipart": multipart,
    "a header of the answer": lambda key: answered(
        replace(SOUND.answer, headers=(("Msh-Request-Id", key), ("Set-Cookie", key)))
    ),
    "an answer": lambda key: answered(replies.completion(f"it is {key}, I think")),
    "an error": lambda key: answered(
        replies.refusal(401, "invalid_authentication_error", f"no such key: {key}")
    ),
    "a stream": lambda key: answered(replies.stream_of(replies.text_chunks("it is ", key))),
    "a stream, split": split_stream,
    "an event that is no JSON": lambda key: answered(
        Answer(
            headers=(("Content-Type", "text/event-stream"),),
            frames=(Frame(0.0, f": {key}\n\n".encode()),),
        )
    ),
    "gzip": gzipped,
}
