"""A program that does what its first argument names; for tests of how programs are run."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """Do it."""
    task, *rest = sys.argv[1:]
    match task:
        case "tell":
            told = {"arguments": rest, "environment": dict(os.environ), "folder": str(Path.cwd())}
            sys.stdout.write(json.dumps({**told, "stdin": sys.stdin.read()}))
        case "exit":
            sys.stderr.write("out of order")
            return int(rest[0])
        case "kill":
            os.kill(os.getpid(), 9)
        case "hang":
            sys.stdout.write("began")
            sys.stdout.flush()
            time.sleep(60)
        case "flood":
            sys.stdout.write("x" * (3 * 2**20))
        case "bytes":
            sys.stdout.buffer.write(b"a\xffb")
        case "leave":
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
            )
            Path(rest[0]).write_text(str(child.pid))
    return 0


if __name__ == "__main__":
    sys.exit(main())
