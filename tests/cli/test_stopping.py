"""Whoever is asked to stop hears of it, whichever thread was told, and then as before."""

import signal
import threading

import pytest

from kimi_conformance.cli.asking.stopping import told_to_stop


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_another_thread_was_told_of_is_heard_at_once(name: signal.Signals) -> None:
    heard, over = threading.Event(), threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]

    with told_to_stop(heard.set):
        signal.pthread_sigmask(signal.SIG_BLOCK, {name})
        try:
            assert other.ident is not None
            signal.pthread_kill(other.ident, name)
            was_heard = heard.wait(20)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {name})
    over.set()
    other.join()

    assert was_heard
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before


def test_who_is_not_asked_goes_on() -> None:
    heard: list[str] = []

    with told_to_stop(lambda: heard.append("stop")):
        pass

    assert heard == []
