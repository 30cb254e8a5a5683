"""The process that started a run of checks; where it is gone, nobody wants them any more."""

import os
import signal
import threading
import time

__all__ = ["end_with_parent"]

LOOK_S = 0.25  # between two looks
LEAVING_S = 10.0  # that a check may take to close what it has open


def end_with_parent() -> None:
    """Interrupt this process, as Ctrl-C does, when its parent is no more.

    One that does not leave upon it is ended: a client may swallow whatever is raised in it.
    """
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    main = threading.main_thread().ident
    assert main is not None, "the main thread runs"

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_S)
        signal.pthread_kill(main, signal.SIGINT)  # else a call that waits would wait on
        time.sleep(LEAVING_S)
        os._exit(128 + signal.SIGINT)

    threading.Thread(target=look, name="parent", daemon=True).start()
