"""An offline run stays on this machine, whichever library tries to leave it."""

import socket

import pytest

from kimi_conformance.stage.guard import BlockedError, SocketGuard


def test_a_connection_to_another_machine_fails_and_is_remembered() -> None:
    with SocketGuard() as guard, socket.socket() as wire:
        with pytest.raises(BlockedError, match=r"offline: 192\.0\.2\.1"):
            wire.connect(("192.0.2.1", 80))

        assert guard.blocked == ["192.0.2.1"]


def test_a_name_is_not_even_looked_up() -> None:
    with SocketGuard() as guard:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("api.moonshot.cn", 443), timeout=1)

        assert guard.blocked == ["api.moonshot.cn"]


def test_a_name_that_cannot_exist_is_unknown_and_nobody_is_blamed() -> None:
    with SocketGuard() as guard:
        with pytest.raises(socket.gaierror):
            socket.create_connection(("kimi.invalid", 443), timeout=1)

        assert guard.blocked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.9.1"])
def test_this_machine_can_be_reached(host: str) -> None:
    with SocketGuard() as guard, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError) as caught, socket.socket() as wire:
            wire.connect((host, server.getsockname()[1]))

        assert not isinstance(caught.value, BlockedError)
        assert guard.blocked == []


def test_a_guard_that_is_off_blocks_nothing() -> None:
    guard = SocketGuard()
    with guard:
        pass

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.connect(("192.0.2.1", 9))  # a datagram socket: nothing is sent by connecting

    assert guard.blocked == []
