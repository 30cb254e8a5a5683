"""
How much of the pure heart its own tests run through: lines and branches, a line a package.

    python -m tests.mutation.coverage
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutation.judge import ROOT, TESTS

SOURCE = ROOT / "src" / "kimi_conformance"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        for package, tests in TESTS.items():
            data = Path(folder, package)
            measure = ["-m", "coverage", "run", "--branch", f"--data-file={data}"]
            place = SOURCE / package
            include = f"{place}/*" if place.is_dir() else f"{place}.py"
            run = [*measure, f"--include={include}", "-m", "pytest", "-q", *tests]
            ended = subprocess.run([sys.executable, *run], cwd=ROOT, capture_output=True, text=True)
            if ended.returncode:
                print(ended.stdout)
                return 1
            total = subprocess.run(
                [
                    *(sys.executable, "-m", "coverage", "report"),
                    *(f"--data-file={data}", "--format=total", "--precision=1"),
                ],
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
            print(f"{package}: {total.stdout.strip()} % of lines and branches")
    return 0


if __name__ == "__main__":
    sys.exit(main())
