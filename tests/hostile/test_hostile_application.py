"""An endpoint, or a command, that means harm, and the finished application between them."""

import asyncio
import shlex
import sys
from collections.abc import Callable

import pytest
from tests.hostile.bodies import answer, redirect
from tests.hostile.conftest import Rude

from kimi_conformance.adapters.application import command_factory
from kimi_conformance.adapters.protocol import ApplicationRun, Binding
from kimi_conformance.adapters.reference import application
from kimi_conformance.adapters.reference.adapter import APPLICATION

Open = Callable[..., Rude]
KEY = "sk-hostile-0123456789abcdef"


def asked(server: Rude) -> ApplicationRun:
    """What the reference application makes of its answers."""
    command = f"{shlex.quote(sys.executable)} -I -S {APPLICATION} --prompt {{prompt}}"
    adapter = command_factory(command)(Binding(base_url=server.base_url, api_key=KEY))
    return asyncio.run(adapter.run_application("How far?"))  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_reference_application_takes_its_key_to_no_other_host(rude: Open, status: int) -> None:
    other = rude(answer(b"{}"))
    server = rude(redirect(status, f"http://127.0.0.1:{other.port}/v1/chat/completions"))

    found = asked(server)

    assert (found.exit_code, other.asked) == (1, [])
    assert f"the API refuses: {status}" in found.errors


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("7", 7), ("9" * 9, 60), ("9" * 5000, 2), ("-1", 2), ("nan", 2), ("\xb2", 2), ("", 2)],
)
def test_the_reference_application_waits_for_no_other_time(told: str, seconds: float) -> None:
    assert application.wait(told, 2) == seconds
