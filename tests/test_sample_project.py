"""In a project of somebody else's our checks say the same, and its own tests notice nothing."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.timely import Said, alike

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "bring-your-own.md"
COMMAND = re.compile(r"^\$ (.+?)    # (\d)$", re.MULTILINE)
CHECKS = ("--pyargs", "kimi_conformance._suite.conformance.adapter", "--kimi-adapter", "sample")
# Runs pytest, and tells which of our modules came with it.
LOADED = """
import sys, pytest
code = pytest.main()
print(*sorted(name for name in sys.modules if name.split(".")[0] == "kimi_conformance"))
sys.exit(code)
"""

pytestmark = pytest.mark.heavy


class Project:
    """A copy of the sample project, installed beside our wheel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self._bin = folder / "venv" / "bin"
        self._home = folder / "home"
        shutil.copytree(
            ROOT / "tests" / "sample_project",
            self.folder,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        venv.create(folder / "venv", with_pip=False)
        (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        # The dependencies and the user's plugins are those of this environment.
        here = next(entry for entry in sys.path if entry.endswith("site-packages"))
        (site / "dependencies.pth").write_text(f"{here}\n")

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """One command in the project's folder and environment, no setting of ours in it."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PYTEST", "KIMI_", "XDG_", "VIRTUAL_ENV"))
        }
        return subprocess.run(
            [str(self._bin / command[0]), *map(str, command[1:])],
            cwd=self.folder,
            env={**kept, "HOME": str(self._home), "PATH": f"{self._bin}:{kept['PATH']}"},
            capture_output=True,
            text=True,
            timeout=300,
        )

    def install(self, what: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--python", str(self._bin / "python"), "install"]
        options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
        subprocess.run([*pip, *options, what], check=True, capture_output=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("foreign")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    project = Project(folder)
    project.install(next(folder.glob("*.whl")))
    project.install(project.folder)
    return project


@pytest.fixture(scope="module")
def by_command(project: Project) -> Said:
    """What the command says, but for those on everything that was sent."""
    asked = ("check", "--plane", "adapter", "--adapter", "sample", "--json", "answer.json")
    result = project.run("kimi-conformance", *asked)
    assert result.returncode == 1, result.stdout + result.stderr
    answer = json.loads((project.folder / "answer.json").read_text())
    return {
        check["id"]: (check["verdict"], check["reason"])
        for check in answer["checks"]
        if not check["id"].startswith("adapter/wire/")
    }


def outcomes(junit: Path) -> Counter[tuple[str, str]]:
    cases = ET.parse(junit).iter("testcase")
    return Counter((case.attrib["name"], next((c.tag for c in case), "passed")) for case in cases)


@pytest.mark.parametrize(
    ("options", "plugin"),
    [
        pytest.param((), "locust", id="as it is"),
        pytest.param(("tests",), "respx", id="beside the project's own tests"),
        pytest.param(("-o", "asyncio_mode=auto"), "pytest_asyncio", id="asyncio's auto mode"),
        pytest.param(("-o", "anyio_mode=auto"), "anyio", id="anyio's auto mode"),
        pytest.param(("-n", "2"), "xdist", id="pytest-xdist"),
        pytest.param(
            ("--record-mode=none", "--block-network", "--allowed-hosts=127.0.0.1"),
            "pytest_recording",
            id="pytest-recording",
        ),
    ],
)
def test_pytest_alone_gives_the_verdicts_of_the_command(
    project: Project,
    by_command: Said,
    tmp_path: Path,
    options: tuple[str, ...],
    plugin: str,
) -> None:
    if importlib.util.find_spec(plugin) is None:
        pytest.skip(f"{plugin} is not installed in this environment")
    evidence = tmp_path / "run.jsonl"

    result = project.run(
        *("python", "-m", "pytest", *CHECKS, *options, f"--kimi-evidence={evidence}")
    )

    assert result.returncode == 1, result.stdout + result.stderr
    records = [json.loads(line) for line in evidence.read_text("utf-8").splitlines()]
    checks = [record for record in records if record["record"] == "check"]
    assert Counter(verdict for verdict, _ in by_command.values())["failed"] > 5
    alike({check["id"]: (check["verdict"], check["reason"]) for check in checks}, by_command)
    assert len(checks) == len(by_command)


def test_the_projects_own_tests_run_as_without_us(project: Project, tmp_path: Path) -> None:
    without, beside = tmp_path / "without.xml", tmp_path / "beside.xml"
    pytest_ = ("python", "-m", "pytest")

    alone = project.run(*pytest_, "-p", "no:kimi_conformance", f"--junitxml={without}")
    together = project.run(*pytest_, f"--junitxml={beside}")

    assert (alone.returncode, together.returncode) == (0, 0), alone.stdout + together.stdout
    assert outcomes(without) == outcomes(beside)
    assert sum(outcomes(beside).values()) == 5


def test_the_projects_own_tests_load_no_more_of_us_than_the_plugin(project: Project) -> None:
    result = project.run("python", "-c", LOADED)

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == "kimi_conformance kimi_conformance.plugin"


@pytest.mark.parametrize(("line", "code"), COMMAND.findall(GUIDE.read_text("utf-8")))
def test_a_command_of_the_guide_does_what_the_guide_says(
    project: Project, line: str, code: str
) -> None:
    result = project.run(*shlex.split(line))

    assert result.returncode == int(code), result.stdout + result.stderr


def test_the_guide_has_one_example_of_each_way() -> None:
    text = GUIDE.read_text("utf-8")
    (entry_point,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)

    assert len(COMMAND.findall(text)) == text.count("\n$ ") == text.count("\n## ") == 5
    assert entry_point in (ROOT / "tests/sample_project/pyproject.toml").read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert [link for link in links if not (GUIDE.parent / link).exists()] == []
