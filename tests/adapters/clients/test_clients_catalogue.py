"""The catalogue says of each client what is needed to install, start and judge it."""

import pytest

from kimi_conformance.adapters.clients.catalogue import client_named, clients, parse
from kimi_conformance.adapters.protocol import CAPABILITIES
from kimi_conformance.errors import UsageError

ENTRY = """
[[client]]
name = "mine"
title = "My client"
language = "python"
packages = { "mine[all]" = ">=1,<2" }
tested = { "mine[all]" = "1.2" }
bridge = "openai_sdk"
claims = { chat = "README" }
"""


def test_an_entry_is_read() -> None:
    [client] = parse(ENTRY).values()

    assert client.package == "mine"
    assert client.bridge_file.name == "openai_sdk.py"
    assert client.claims == {"chat": "README"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ENTRY + ENTRY, "mine: it is there twice"),
        (ENTRY.replace('"python"', '"cobol"'), "its language is none of ours"),
        (ENTRY.replace("chat =", "chatting ="), "it claims what there is not: chatting"),
        (ENTRY.replace('chat = "README"', ""), "it claims nothing"),
        (ENTRY.replace('bridge = "openai_sdk"', ""), "it has no bridge"),
        (ENTRY + 'program = "curl"\n', "it names a program or packages, and not both"),
        (ENTRY.replace('tested = { "mine[all]" = "1.2" }', ""), "its tested versions are not"),
    ],
)
def test_a_wrong_entry_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse(text)


def test_there_are_ten_clients_to_judge() -> None:
    assert len(clients()) >= 10


@pytest.mark.parametrize("name", clients())
def test_each_client_can_be_started(name: str) -> None:
    client = client_named(name)

    assert client.bridge_file.is_file()
    assert client.claims.keys() <= CAPABILITIES.keys()
    assert all(client.claims.values())


def test_an_unknown_client_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'litellm'"):
        client_named("litelm")
