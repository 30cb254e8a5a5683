"""Opens clients that speak the protocol, nearly."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.adapters.process.adapter import ProcessAdapter
from kimi_conformance.adapters.process.answering import Answering
from kimi_conformance.adapters.process.command import Command
from kimi_conformance.adapters.protocol import Binding

ODD_CLIENT = Path(__file__).with_name("odd_client.py")
OpenOdd = Callable[..., ProcessAdapter]


def odd(fault: str) -> str:
    """The command of a client with this fault; Python starts bare, so that it starts quickly."""
    return f"{sys.executable} -I -S {ODD_CLIENT} {fault}"


@pytest.fixture
def new_command() -> Iterator[Callable[[str], tuple[Command, Answering]]]:
    """Commands by fault; their processes are gone after the test."""
    made: list[Command] = []

    def make(fault: str) -> tuple[Command, Answering]:
        answering = Answering()
        made.append(Command(odd(fault), answering))
        return made[-1], answering

    yield make
    for command in made:
        command.end()


@pytest.fixture
def open_odd(new_command: Callable[[str], tuple[Command, Answering]]) -> OpenOdd:
    """Opens the client with a fault; the keywords are those of its binding."""

    def open_client(fault: str = "sound", **binding: Any) -> ProcessAdapter:
        command, answering = new_command(fault)
        return ProcessAdapter(*command.running(), answering, Binding(**binding))

    return open_client
