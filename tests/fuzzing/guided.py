"""
Search guided by coverage: what noise would need years for, atheris finds in minutes.

    python -m tests.fuzzing.guided [READER …] [--seconds 60]

Each reader is searched in a process of its own, since a finding ends one. Its first inputs are
what is committed. An input that breaks a property is left in .fuzz/; mend the reader, and give
the input to `FOUND` in test_readers.py.
"""

import argparse
import hashlib
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

LONGEST = 8_192  # bytes of an input
SLOWEST = 20  # seconds for one: more is a finding
FOLDER = Path(".fuzz")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing.guided")
    parser.add_argument("names", nargs="*", metavar="READER")
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed here: no guided search; make fuzz goes on with hypothesis.")
        return 0
    if options.inside:
        search(options.names[0], options.seconds)
    return search_all(options.names, options.seconds)


def search_all(names: Sequence[str], seconds: int) -> int:
    """One child a reader; 1 if one of them found something."""
    from tests.fuzzing.readers import READERS

    if unknown := [name for name in names if name not in READERS]:
        print(f"There is no reader '{unknown[0]}'. Known: {', '.join(READERS)}.")
        return 2
    FOLDER.mkdir(exist_ok=True)
    broken = []
    for name in names or READERS:
        command = [sys.executable, "-m", __spec__.name, name, "--inside", f"--seconds={seconds}"]
        ended = subprocess.run(command, capture_output=True, text=True)
        last = ended.stderr.strip().splitlines()[-1:]
        print(f"{name}: {'holds' if ended.returncode == 0 else 'BROKEN'}; {''.join(last)}")
        if ended.returncode:
            broken.append(name)
            print(ended.stdout[-4000:], ended.stderr[-4000:])
    return 1 if broken else 0


def search(name: str, seconds: int) -> None:
    """Search one reader; never returns: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["kimi_conformance", "tests.fuzzing.readers"]):
        from tests.fuzzing.readers import READERS
    from tests.fuzzing.tokens import TOKENS

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for seed in READERS[name].seeds():
            (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
        words = Path(folder, "words")
        words.write_text("".join(f'"{quoted(token)}"\n' for token in TOKENS if 0 < len(token) < 40))
        atheris.Setup(
            [
                name,
                f"-max_total_time={seconds}",
                f"-max_len={LONGEST}",
                f"-timeout={SLOWEST}",
                f"-dict={words}",
                f"-artifact_prefix={FOLDER}/{name}-",
                "-rss_limit_mb=2048",
                "-print_final_stats=0",
                str(corpus),
            ],
            READERS[name].property,
        )
        atheris.Fuzz()


def quoted(token: bytes) -> str:
    """As libFuzzer's dictionaries want it."""
    return "".join(f"\\x{byte:02X}" for byte in token)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
