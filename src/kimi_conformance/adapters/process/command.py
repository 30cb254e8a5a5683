"""
A command that a user typed, and the process that runs it.

One process serves one check after another, since some take seconds to start: each check opens
clients of its own in it and closes them. A process that broke off is not asked again; the
next check gets a new one.
"""

import atexit
import logging
import os
import re
import shlex
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_conformance.adapters.process.connection import Connection
from kimi_conformance.adapters.process.lines import shown
from kimi_conformance.adapters.process.methods import PROTOCOL
from kimi_conformance.adapters.protocol import CAPABILITIES
from kimi_conformance.errors import AdapterError, UsageError, nearest

__all__ = ["FEATURES", "START_LIMIT", "Answer", "Command", "Hello", "environment_for", "hello_of"]

Answer = Callable[[Connection, Mapping[str, Any]], None]
START_LIMIT = 20.0  # seconds until a process has said hello
FEATURES = frozenset({"clock"})
_LEVELS = logging.getLevelNamesMapping()

# What belongs to clients and their users is for a check to set; a proxy would stand between a
# client and the stage.
_CLIENTS_OWN = re.compile(
    r"^(KIMI|MOONSHOT|OPENAI|ANTHROPIC|GEMINI|LETTA)_"
    r"|(^|_)(\w*KEY|\w*TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(_|$)"
    r"|^(HTTPS?|ALL|NO|FTP)_PROXY$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a process says of itself.

    Attributes:
        capabilities: What it claims.
        features: What of the protocol's optional parts it takes part in.
    """

    name: str
    version: str
    capabilities: tuple[str, ...]
    features: frozenset[str] = frozenset()


class Command:
    """Keeps at most one process of a command running.

    Args:
        text: The command as typed, quoted as a shell would have it; no shell reads it.
        answer: As in `Connection`.

    Raises:
        UsageError: The text is no command, or there is no such program.
    """

    def __init__(self, text: str, answer: Answer) -> None:
        try:
            self.argv = shlex.split(text)
        except ValueError as error:
            raise UsageError(
                f"The command of 'process:{shown(text)}' cannot be read: {error}."
            ) from None
        if not self.argv:
            raise UsageError(
                "There is no command in 'process:'. Type: --adapter 'process:node client.mjs'"
            )
        self.name = shown(text)
        if shutil.which(self.argv[0]) is None:
            raise self._unstartable("no such program")
        self._answer = answer
        self._lock = threading.Lock()
        self._running: tuple[Connection, Hello] | None = None

    def running(self) -> tuple[Connection, Hello]:
        """A process that has said hello, started if there is none.

        Raises:
            UsageError: There is no such program.
            AdapterError: It said something else, or nothing in time.
        """
        with self._lock:
            if self._running is None or self._running[0].trouble is not None:
                self._running = self._start()
            return self._running

    def end(self) -> None:
        """Let the process end, if there is one."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running[0].end()

    def connect(self) -> Connection:
        """A new process, which has not been asked anything.

        Raises:
            UsageError: There is no such program.
        """
        try:
            return Connection(
                self.argv,
                environment_for(os.environ),
                name=self.name,
                answer=self._answer,
                log=_log,
            )
        except OSError as error:
            raise self._unstartable(str(error.strerror)) from None

    def _unstartable(self, why: str) -> UsageError:
        return UsageError(
            f"The command '{self.name}' cannot be started: {why}. Is the program on the PATH, "
            "and the path to it right from here?"
        )

    def _start(self) -> tuple[Connection, Hello]:
        atexit.unregister(self.end)
        atexit.register(self.end)
        connection = self.connect()
        call = connection.begin("hello", {"protocol": PROTOCOL})
        reply = connection.reply_now(call, START_LIMIT)
        try:
            return connection, hello_of(reply.value if reply.kind == "result" else None)
        except AdapterError as error:
            connection.break_off(f"said no hello: {error}")
            raise connection.again() from None


def hello_of(said: Any) -> Hello:
    """The hello of this result.

    Raises:
        AdapterError: It is none, of another version, or claims what there is not.
    """
    if not isinstance(said, dict):
        raise AdapterError(
            "it has to answer with a result that names protocol, name, version, capabilities"
        )
    for part in ("protocol", "name", "version"):
        if not isinstance(said.get(part), str) or not said[part]:
            raise AdapterError(f"its '{part}' has to be a string")
    _require_version(said["protocol"])
    names = {part: said.get(part, []) for part in ("capabilities", "features")}
    for part, given in names.items():
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            raise AdapterError(f"its '{part}' have to be an array of names")
    for name in names["capabilities"]:
        if name not in CAPABILITIES:
            raise AdapterError(
                f"it claims '{shown(name)}', which is no capability. {nearest(name, CAPABILITIES)}"
            )
    return Hello(
        name=shown(said["name"], longest=60),
        version=shown(said["version"], longest=60),
        # What is looked at in this process is not to be seen in another.
        capabilities=tuple(name for name in names["capabilities"] if name != "in_process"),
        features=frozenset(names["features"]) & FEATURES,
    )


def _require_version(spoken: str) -> None:
    if not re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}", spoken):
        raise AdapterError(f"its protocol '{shown(spoken)}' is no version such as {PROTOCOL}")
    own, other = (tuple(map(int, version.split("."))) for version in (PROTOCOL, spoken))
    if own[0] != other[0] or other[1] > own[1]:
        raise AdapterError(f"it speaks protocol {spoken}, and was offered {PROTOCOL}")


def environment_for(own: Mapping[str, str]) -> dict[str, str]:
    """What of this process's environment another one sees: no key, no client's setting.

    >>> environment_for({"PATH": "/bin", "KIMI_API_KEY": "sk-0", "GITHUB_TOKEN": "0"})
    {'PATH': '/bin'}
    """
    return {name: value for name, value in own.items() if not _CLIENTS_OWN.search(name)}


def _log(said: Any) -> None:
    """Log here what the process logs, so that a check finds it where it looks."""
    said = said if isinstance(said, dict) else {}
    level = _LEVELS.get(str(said.get("level", "")).upper(), logging.INFO)
    name = shown(str(said.get("logger") or "client"), longest=60)
    logging.getLogger(f"process.{name}").log(level, "%.10000s", said.get("text"))
