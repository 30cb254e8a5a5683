"""How far checks have come, for whoever shows progress."""

from pathlib import Path

__all__ = ["Counted"]


class Counted:
    """How many checks are done and planned, by what is appended to the evidence from now on.

    Each byte is read once: the evidence of a gate has millions, and is looked at many times.
    """

    def __init__(self, evidence: Path) -> None:
        self._evidence = evidence
        self._read = evidence.stat().st_size if evidence.exists() else 0
        self._done = self._planned = 0

    def now(self) -> tuple[int, int]:
        """Done and planned, so far."""
        with self._evidence.open("rb") as lines:
            lines.seek(self._read)
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # it is being written
                self._read += len(line)
                if line.startswith(b'{"record":"check"'):
                    self._done += 1
                elif line.startswith(b'{"record":"plan"'):
                    self._planned += int(line.rsplit(b":", 1)[1].strip(b"}\n "))
        return self._done, self._planned
