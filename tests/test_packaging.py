"""A wheel has one package with the content inside, and works from an empty folder."""

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Mapping
from email import message_from_bytes
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from tests.committed import ROOT, committed
from tests.timely import Said, alike, late

SUITE = "kimi_conformance/_suite"
# What of the checkout goes into a wheel, and to where.
CARRIED = {
    "src/kimi_conformance": "kimi_conformance",
    **{
        folder: f"{SUITE}/{folder}"
        for folder in (
            *("conformance", "fixtures", "cassettes", "loadtests"),
            *("reports/templates", "reports/assets", "reports/schemas"),
        )
    },
}

pytestmark = pytest.mark.heavy


def build(out: Path, *options: str) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", out, ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist, and the wheel that is built from it: what a release is."""
    out = tmp_path_factory.mktemp("dist")
    build(out)
    return out


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Any:
    return message_from_bytes(member(wheel, "METADATA"))


def member(wheel: Path, name: str) -> bytes:
    """A file of the wheel's dist-info."""
    with zipfile.ZipFile(wheel) as archive:
        (found,) = (each for each in archive.namelist() if each.endswith(f".dist-info/{name}"))
        return archive.read(found)


def contents(wheel: Path) -> Mapping[str, int]:
    """The checksum of each file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {each.filename: each.CRC for each in archive.infolist()}


def test_the_wheel_carries_what_is_committed_for_it_and_nothing_else(wheel: Path) -> None:
    expected = {
        f"{to}/{name.removeprefix(f'{folder}/')}"
        for name in committed()
        for folder, to in CARRIED.items()
        if name.startswith(f"{folder}/")
    }
    carried = {name for name in contents(wheel) if ".dist-info/" not in name}

    assert carried == expected
    assert {"kimi_conformance/py.typed", f"{SUITE}/conformance/pytest.ini"} <= carried
    assert [name for name in carried if re.search(r"/(tests|benchmarks|docs)/", name)] == []
    assert [name for name in carried if Path(name).name.startswith(".")] == []


def test_a_wheel_of_the_checkout_is_the_wheel_of_the_sdist(wheel: Path, tmp_path: Path) -> None:
    build(tmp_path, "--wheel")

    assert contents(tmp_path / wheel.name) == contents(wheel)


def test_the_sdist_is_the_checkout(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {each.name.partition("/")[2] for each in archive.getmembers() if each.isfile()}

    assert held - {"PKG-INFO"} == {name for name in committed() if not name.startswith(".ci/")}


def test_an_index_takes_both(dist: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *dist.iterdir()],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("PASSED") == 2


def test_a_page_of_an_index_has_no_link_to_a_file_beside_it(metadata: Any) -> None:
    page = metadata.get_payload()
    readme = (ROOT / "README.md").read_text("utf-8")
    names = re.findall(r"\[([^\]]+)\]\((?!\w+:)[^)]+\)", readme)

    assert names
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    assert re.findall(r"\]\((?!\w+:)([^)]+)\)", page) == []
    assert [name for name in names if name not in page] == []


def test_the_metadata_tells_what_it_is_and_may(wheel: Path, metadata: Any) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert member(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_all("Provides-Extra") == [
        *("dev", "mutation", "openai", "package", "parquet"),
    ]
    assert "Typing :: Typed" in metadata.get_all("Classifier")


def test_every_entry_point_leads_somewhere(wheel: Path) -> None:
    lines = member(wheel, "entry_points.txt").decode().splitlines()
    groups = {line.strip("[]") for line in lines if line.startswith("[")}
    points = [line.partition(" = ")[::2] for line in lines if " = " in line]

    assert groups == {"console_scripts", "pytest11", "kimi_conformance.adapters"}
    assert [name for name, value in points if EntryPoint(name, value, "any").load() is None] == []


def installed(wheel: Path, environment: Path) -> Path:
    """The command of a wheel in an environment that knows nothing of the checkout."""
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
    return environment / "bin" / "kimi-conformance"


def gate(command: list[str | Path], folder: Path, **more: str) -> dict[str, Any]:
    """What the gate answers in a folder of its own, times left out."""
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [*command, "gate", "--edition", "2026-09", "--json", "answer.json"],
        cwd=folder,
        env={**kept, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr + result.stdout
    answer: dict[str, Any] = json.loads((folder / "answer.json").read_text())
    for check in answer["checks"]:
        del check["seconds"]
    answer["checks"].sort(key=lambda check: (check["plane"], str(check["adapter"]), check["id"]))
    return answer


def said(answer: dict[str, Any]) -> Said:
    return {
        f"{check['adapter']} {check['id']}": (check["verdict"], check["reason"])
        for check in answer["checks"]
    }


def test_an_installed_wheel_judges_as_the_checkout_does(wheel: Path, tmp_path: Path) -> None:
    command = installed(wheel, tmp_path / "venv")

    of_wheel = gate([command], tmp_path / "empty")
    of_checkout = gate(
        [sys.executable, "-m", "kimi_conformance"],
        tmp_path / "beside",
        PYTHONPATH=str(ROOT / "src"),
    )

    assert of_wheel["verdict"] == "CONFORMANT"
    assert len(of_wheel["checks"]) > 700
    alike(said(of_wheel), said(of_checkout))
    if not late(said(of_wheel), said(of_checkout)):
        assert of_wheel == of_checkout
