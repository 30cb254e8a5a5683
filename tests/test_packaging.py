"""A wheel has one package with the content inside, and works from an empty folder."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_has_one_top_level_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"kimi_conformance"}


@pytest.mark.parametrize(
    "content",
    [
        *("conformance/requirements", "conformance/editions", "conformance/baselines"),
        "conformance/protocol",
        *("cassettes", "fixtures", "loadtests", "reports/schemas"),
    ],
)
def test_the_wheel_carries_every_content_file(wheel: Path, content: str) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    files = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / content).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]

    assert files
    assert {f"kimi_conformance/_suite/{file}" for file in files} <= names


def test_an_installed_wheel_gates_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    # The dependencies are those of this environment; only the package itself is the wheel's.
    venv.create(environment, with_pip=True, system_site_packages=False)
    python = environment / "bin" / "python"
    site = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    here = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    (site / "dependencies.pth").write_text(f"{here}\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    result = subprocess.run(
        [environment / "bin" / "kimi-conformance", "gate", "--json", "answer.json"],
        cwd=empty,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr + result.stdout
    assert json.loads((empty / "answer.json").read_text())["verdict"] == "CONFORMANT"
