"""
A command that a user typed, as an adapter that claims `application` and nothing else.

    command:app --prompt {prompt}

`{prompt}` stands for the question and `{base_url}` for where to ask; the key is in the
environment only, since everybody on a machine can read a command line.
"""

import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kimi_conformance.adapters.application.program import environment_of, run_program
from kimi_conformance.adapters.process.lines import shown
from kimi_conformance.adapters.protocol import AdapterFactory, ApplicationRun, Binding
from kimi_conformance.errors import AdapterError, UsageError, nearest

__all__ = ["CommandAdapter", "command_factory"]

_EXAMPLE = "Type: --adapter-command 'app --prompt {prompt}'"
_PLACE = re.compile(r"\{([a-z_]+)\}")
_PLACES = ("prompt", "base_url")
_KEYS = {"api_key", "key"}


@dataclass(frozen=True, slots=True)
class CommandAdapter:
    """An application that runs once a question.

    Attributes:
        name: The command, as in reports.
        words: It, word by word, its places not yet filled.
        binding: What it is told.
    """

    name: str
    words: Sequence[str]
    binding: Binding
    version: str = "unknown"
    capabilities: tuple[str, ...] = ("application",)

    async def run_application(self, prompt: str) -> ApplicationRun:
        """Ask it this and wait for its end.

        Raises:
            AdapterError: It cannot be started.
        """
        values = {"prompt": prompt, "base_url": self.binding.base_url or ""}
        argv = [_filled(word, values) for word in self.words]
        try:
            return await run_program(argv, environment_of(self.binding))
        except OSError as error:
            raise AdapterError(
                f"The command '{self.name}' cannot be started: {error.strerror}."
            ) from error

    async def aclose(self) -> None:
        """Nothing is left: a run ends before it is answered."""


def command_factory(text: str) -> AdapterFactory:
    """The factory of a command, quoted as a shell would have it; no shell reads it.

    Words that name a file here are made whole paths, since the program runs elsewhere.

    Raises:
        UsageError: The text is no command, has no place for the question or one for what is not
            given there, or there is no such program.
    """
    name = shown(text)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"The command of 'command:{name}' cannot be read: {error}.") from None
    if not words:
        raise UsageError(f"There is no command in 'command:'. {_EXAMPLE}")
    _require_places(name, words)
    if shutil.which(words[0]) is None:
        raise UsageError(
            f"The command '{name}' cannot be started: no such program. Is it on the PATH, and the "
            "path to it right from here?"
        )
    whole = [_program(words[0]), *map(_whole_path, words[1:])]
    return lambda binding: CommandAdapter(name, whole, binding)


def _require_places(name: str, words: Sequence[str]) -> None:
    named = {place for word in words for place in _PLACE.findall(word)}
    if named & _KEYS:
        raise UsageError(
            f"The command '{name}' asks for the key, and everybody on this machine could read it "
            "there. It is in the environment of the application: KIMI_API_KEY, OPENAI_API_KEY."
        )
    if "prompt" not in named:
        almost = "".join(nearest(place, _PLACES) + " " for place in sorted(named - {*_PLACES}))
        raise UsageError(f"The command '{name}' has no place for the prompt. {almost}{_EXAMPLE}")


def _program(word: str) -> str:
    """A program with a path is found from here; another one by the PATH."""
    return _whole_path(word) if "/" in word else word


def _whole_path(word: str) -> str:
    path = Path(word)
    try:
        return str(path.absolute()) if not path.is_absolute() and path.exists() else word
    except (OSError, ValueError):  # longer than a name may be, or with a NUL
        return word


def _filled(word: str, values: dict[str, str]) -> str:
    """The word with its places filled; other words in braces stay, and none is filled twice."""
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), word)
