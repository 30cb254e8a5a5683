"""What a process that has users needs to run them, and how a run of them ends."""

import inspect
import json
import os
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kimi_conformance.load.running.launch import KEY
from kimi_conformance.load.running.measuring import State, note_spent, note_unsent
from kimi_conformance.load.samples.kept import KeptLog, kept_beside
from kimi_conformance.load.samples.log import SampleLog
from kimi_conformance.load.samples.records import End, Ended, Header
from kimi_conformance.load.users.kimi_user import KimiUser
from kimi_conformance.load.users.setting import Setting
from kimi_conformance.load.users.spending import Account, Spending

__all__ = ["GRACEFUL", "GRACE_S", "LATE_S", "concluded", "opened", "spending_of", "warm"]

GRACE_S = 10.0  # what is under way when the time is over may still end
LATE_S = 30.0  # beyond length and grace; then something hangs
GRACEFUL = (Ended.COMPLETE, Ended.BUDGET)  # ends after which what is under way may still end


def spending_of(options: Namespace) -> Spending:
    """What the run may spend, from the arguments of this process."""
    return Spending(**json.loads(options.spending)) if options.spending else Spending()


@contextmanager
def opened(
    options: Namespace,
    header: Header,
    samples: Path,
    zero: float,
    *,
    spending: Spending,
    source: int = 0,
) -> Iterator[Setting]:
    """The setting of the users of this process, with its files open.

    Args:
        options: The arguments of this process.
        header: Of the run.
        samples: Where they go.
        zero: As in `Setting`.
        spending: What this process may spend.
        source: Its number; 0: it is alone.

    Raises:
        RunError: A file is there already, or cannot be written.
    """
    key = os.environ.get(KEY, "")
    with (
        SampleLog(samples, header, source) as log,
        closing(KeptLog(kept_beside(samples), (key,))) as kept,
    ):
        setting = Setting(
            base_url=options.base_url,
            api_key=key,
            model=options.model,
            fixtures=tuple(options.fixtures),
            log=log,
            kept=kept,
            zero=zero,
            account=Account(spending) if spending.limits else None,
        )
        note_spent(setting, source)
        KimiUser.setting = setting
        yield setting


def concluded(setting: Setting, state: State, source: int = 0) -> None:
    """Note how it ended; nothing more is to be sampled. The end of all is the master's to note."""
    now = time.perf_counter() - setting.zero
    if state.why is Ended.COMPLETE:  # else there was no time to send what had arrived
        note_unsent(setting, now)
    note_spent(setting, source)
    if not source:
        setting.log.note(End(at=round(now, 6), why=state.why, faults=tuple(state.faults)))


def warm() -> None:
    """Call now what Locust calls when it stops: the first call blocks everything for 20 ms."""
    inspect.stack()
