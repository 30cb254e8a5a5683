"""Who may take part in a run of several processes."""

from argparse import Namespace
from types import SimpleNamespace
from typing import Any

import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.load.running.crew import address, hello, mismatch

OPTIONS = Namespace(base_url="http://127.0.0.1:1/v1", model="kimi-k2.6")


def own(**changed: Any) -> dict[str, Any]:
    loaded: Any = SimpleNamespace(
        header=SimpleNamespace(name="steady_chat"), digest="abc", shape=SimpleNamespace(length=60.0)
    )
    return {**hello(OPTIONS, loaded), **changed}


def test_a_worker_that_would_run_the_same_is_taken_wherever_it_is() -> None:
    assert mismatch(own(), own(host="elsewhere", pid=1, machine="another")) == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"digest": "def"}, "its scenario file (by its SHA-256) is def, the master's is abc"),
        ({"model": "kimi-k3"}, "its model is kimi-k3, the master's is kimi-k2.6"),
        ({"base_url": "http://h/v1"}, "its base URL is http://h/v1, the master's is http://127"),
        ({"duration": 30.0}, "its duration is 30.0, the master's is 60.0"),
        ({"version": None}, "its version is None"),
    ],
)
def test_a_worker_that_would_run_something_else_is_told_what(
    changed: dict[str, Any], said: str
) -> None:
    assert mismatch(own(), own(**changed)).startswith(said)


@pytest.mark.parametrize(
    ("text", "place"),
    [("h:1", ("h", 1)), ("[::1]:5557", ("::1", 5557)), ("0.0.0.0:0", ("0.0.0.0", 0))],
)
def test_an_address_is_host_and_port(text: str, place: tuple[str, int]) -> None:
    assert address(text) == place


@pytest.mark.parametrize("text", ["h", ":1", "h:", "h:x", "h:70000", ""])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Write host and port"):
        address(text)
