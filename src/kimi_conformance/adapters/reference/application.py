"""
The smallest finished application of the Kimi API: it prints the answer to one question.

    KIMI_BASE_URL=… KIMI_API_KEY=… python application.py --prompt "How far is the moon?"

It is a program of its own and needs nothing but the standard library. `--whole` asks for the
answer in one piece. Exit code 1 says that there is no whole answer, and stderr says why.
"""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

MODEL = "moonshot-v1-8k"
ATTEMPTS = 3
LONGEST_WAIT = 60.0  # seconds
DIGITS = re.compile("[0-9]{1,9}")


def main() -> int:
    """Ask, print, and tell how that ended."""
    parser = argparse.ArgumentParser(description="Ask Kimi one question.")
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--whole", action="store_true")
    asked = parser.parse_args()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            for piece in answer(asked.prompt, streamed=not asked.whole):
                show(piece)
        except HTTPError as error:
            if error.code != 429 or attempt == ATTEMPTS:
                return fail(f"the API refuses: {error.code} {error.reason}")
            time.sleep(wait(error.headers.get("Retry-After"), attempt))
        except (OSError, HTTPException, ValueError, LookupError) as error:
            return fail(f"there is no whole answer: {error}")
        else:
            show("\n")
            return 0
    return 1


def answer(prompt: str, *, streamed: bool) -> Iterator[str]:
    """The text of the answer, piece by piece.

    Raises:
        HTTPError: The API refuses.
        OSError: It cannot be reached.
        ValueError: The answer broke off, or is none.
    """
    message = {"role": "user", "content": prompt}
    body = {"model": MODEL, "messages": [message], "stream": streamed}
    base_url, key = os.environ["KIMI_BASE_URL"], os.environ["KIMI_API_KEY"]
    request = Request(  # noqa: S310 - the URL is its user's own
        f"{base_url}/chat/completions",
        data=json.dumps(body).encode("utf-8"),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with build_opener(Straight).open(request, timeout=60) as reply:
        yield from pieces(reply) if streamed else whole(reply)


class Straight(HTTPRedirectHandler):
    """Follows no redirection: it could lead anywhere, and the key would go along."""

    def redirect_request(self, *_: object) -> None:
        """There is no other request, so the redirection is a refusal."""


def whole(reply: HTTPResponse) -> Iterator[str]:
    """The text of an answer in one piece."""
    body = reply.read()
    yield json.loads(body)["choices"][0]["message"]["content"]


def pieces(reply: HTTPResponse) -> Iterator[str]:
    """The texts of the events of a stream, up to its last one."""
    for line in reply:
        name, _, data = line.decode("utf-8").strip().partition(":")
        if name != "data":
            continue
        if data.strip() == "[DONE]":
            return
        for choice in json.loads(data)["choices"]:
            yield choice["delta"].get("content") or ""
    raise ValueError("it broke off")


def wait(told: str | None, attempt: int) -> float:
    """Seconds until the next attempt: as the API says in digits, else longer each time."""
    seconds = int(told) if told and DIGITS.fullmatch(told) else attempt
    return min(seconds, LONGEST_WAIT)


def show(text: str) -> None:
    """Print a part of the answer now."""
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.flush()


def fail(why: str) -> int:
    """Say why there is no answer."""
    sys.stderr.write(f"Sorry, {why}.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
