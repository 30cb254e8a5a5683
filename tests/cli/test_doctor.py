"""What the doctor says of each ailment that it is shown."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kimi_conformance.cli.health import (
    clients,
    content,
    live,
    machine,
    network,
    plugins,
    python,
    settings,
    trial,
)
from kimi_conformance.cli.health.finding import Finding, Health
from kimi_conformance.cli.health.versions import Needed, holds, parse

KEY = "sk-doctor-0123456789abcdefghijklmnop"

PYTHON = python.Python(
    version=(3, 12, 1),
    isolated=True,
    needed=(
        Needed(name="click", range=">=8.4"),
        Needed(name="openai", range=">=3", extra="openai"),
    ),
    found={"click": "8.5.1"},
    fast_yaml=True,
    fast_loop=True,
)
COPY = plugins.Copy(version="1.0", where=Path("/site"), editable=False)
COPIES = plugins.Copies(
    running="1.0",
    package=Path("/site/kimi_conformance"),
    installed=(COPY,),
    importable=(Path("/site/kimi_conformance"),),
)
PLUGINS = plugins.Plugins(
    modules={"kimi_conformance": plugins.PLUGIN, "recording": "pytest_recording.plugin"},
    ours=1,
    autoload=True,
)
CONTENT = content.Content(
    root=Path("/suite"), requirements=580, editions=("2025-09", "2026-09"), recorded=614
)
DISK = machine.Disk(folder=Path("reports/out"), refused="", free=4096 * machine.MIB)
CLOCK = machine.Clock(tick=1e-7, stamped=True)
LOOPBACK = network.Loopback()
NO_FILES = settings.Settings(
    key=None,
    base_url=None,
    models_file=(Path("/nowhere/models.toml"), ""),
    models_named=False,
    history=(Path("/nowhere/history.sqlite"), ""),
)
CLIENTS = clients.Clients(
    folder=Path("/clients"), named=True, there=True, installed=(), damaged=(), known=12
)
ANSWER = live.Answer(url="https://api.example/v1", models=4, ahead=0.4)


def files(soft: int, hard: int) -> Iterator[Finding]:
    return machine.file_findings(soft, hard)


def proxies(**environment: str) -> Iterator[Finding]:
    named = {name.removesuffix("_proxy"): value for name, value in environment.items()}
    return network.proxy_findings(named, environment)


def worst(findings: list[Finding]) -> Health:
    order = list(Health)
    return max((finding.health for finding in findings), key=order.index)


WELL = {
    "Python": python.findings(PYTHON),
    "copies": plugins.copy_findings(COPIES),
    "plugins": plugins.plugin_findings(PLUGINS),
    "content": content.findings(CONTENT),
    "a checkout": content.findings(replace(CONTENT, recorded=0)),
    "disk": machine.disk_findings(DISK),
    "open files": files(4096, 4096),
    "open files without end": files(2**63, 2**63),
    "clock": machine.clock_findings(CLOCK),
    "loopback": network.findings(LOOPBACK),
    "no IPv6": network.findings(replace(LOOPBACK, six=False)),
    "no proxies": proxies(),
    "no key": settings.key_findings(None),
    "key": settings.key_findings(KEY),
    "no URL": settings.url_findings(None),
    "URL": settings.url_findings("https://api.moonshot.cn/v1/"),
    "URL of this machine": settings.url_findings("http://127.0.0.1:8000/v1"),
    "URL in a network of one's own": settings.url_findings("http://gateway.internal:80/v1"),
    "no files": settings.findings(NO_FILES),
    "no clients": clients.findings(CLIENTS),
    "browser": clients.browser_findings("/usr/bin/chromium"),
    "live": live.findings(ANSWER),
    "trial": trial.findings(trial.Trial(verdicts=("passed",))),
    "own pytest": trial.own_findings(trial.Own(code=5, told="no tests collected")),
}

BROKEN, HINT = Health.BROKEN, Health.HINT
INSTALLED = clients.Installed(name="litellm", version="1.2", tested="1.1")

# What was seen, how bad that is, and what is said of it: in the text, or in what to type.
AILMENTS = [
    (python.findings(replace(PYTHON, version=(3, 10, 2))), BROKEN, "python3.11 -m venv"),
    (python.findings(replace(PYTHON, isolated=False)), HINT, "outside a virtual environment"),
    (python.findings(replace(PYTHON, found={})), BROKEN, "click is not installed"),
    (python.findings(replace(PYTHON, found={"click": "8.1.8"})), BROKEN, "click is 8.1.8"),
    (python.findings(replace(PYTHON, needed=())), HINT, "run from its source"),
    (python.findings(replace(PYTHON, fast_yaml=False)), HINT, "70 times slower"),
    (python.findings(replace(PYTHON, fast_loop=False)), HINT, "pip install uvloop"),
    (
        python.findings(replace(PYTHON, found={"click": "8.5.1", "openai": "2.1"})),
        HINT,
        "pip install 'openai>=3'",
    ),
    (plugins.copy_findings(replace(COPIES, installed=())), HINT, "without being installed"),
    (plugins.copy_findings(replace(COPIES, running="1.1")), BROKEN, "Two installations are mixed"),
    (
        plugins.copy_findings(replace(COPIES, importable=(Path("/other"), *COPIES.importable))),
        HINT,
        "another kimi_conformance is importable: /other",
    ),
    (
        plugins.copy_findings(replace(COPIES, installed=(COPY, replace(COPY, version="0.9")))),
        HINT,
        "installed 2 times",
    ),
    (plugins.plugin_findings(replace(PLUGINS, ours=0)), HINT, "does not know the plugin"),
    (plugins.plugin_findings(replace(PLUGINS, autoload=False)), HINT, "-p pytest_asyncio.plugin"),
    (
        plugins.plugin_findings(replace(PLUGINS, modules={**PLUGINS.modules, "vcr": "pytest_vcr"})),
        HINT,
        "pip uninstall pytest-vcr",
    ),
    (content.findings(content.Content(root=None, wrong="not beside")), BROKEN, "nothing to check"),
    (content.findings(replace(CONTENT, empty=("cassettes",))), BROKEN, "cassettes below /suite is"),
    (content.findings(replace(CONTENT, wrong="bad.toml: no id")), BROKEN, "bad.toml: no id"),
    (content.findings(replace(CONTENT, gone=("a", "b", "c", "d"))), BROKEN, "a, b, c and 1 more"),
    (content.findings(replace(CONTENT, changed=("a",))), HINT, "a is not what was installed"),
    (machine.disk_findings(replace(DISK, refused="/x: Read-only")), BROKEN, "name one with --out"),
    (machine.disk_findings(replace(DISK, free=machine.MIB)), BROKEN, "1 MiB are free"),
    (machine.disk_findings(replace(DISK, free=99 * machine.MIB)), HINT, "99 MiB are free"),
    (files(64, 4096), BROKEN, "ulimit -n 2048"),
    (files(1024, 4096), HINT, "ulimit -n 2048"),
    (files(1024, 1024), HINT, "the machine allows 1,024"),
    (machine.clock_findings(replace(CLOCK, tick=0.0156)), HINT, "steps of 15.6 ms"),
    (machine.clock_findings(replace(CLOCK, stamped=False)), HINT, "SO_TIMESTAMPNS"),
    (network.findings(replace(LOOPBACK, refused="denied")), BROKEN, "can be listened on: denied"),
    (network.findings(replace(LOOPBACK, lost="timed out")), BROKEN, "-i lo -j ACCEPT"),
    (network.findings(replace(LOOPBACK, by_name=("::1",))), HINT, "the name means ::1"),
    (network.findings(replace(LOOPBACK, by_name=())), HINT, "the name means nothing"),
    (proxies(http_proxy="http://u:pw@p:1"), HINT, "NO_PROXY leaves out 127.0.0.1 and localhost"),
    (proxies(https_proxy="http://p", no_proxy="127.0.0.1"), HINT, "leaves out localhost"),
    (proxies(all_proxy="http://p", no_proxy="*"), HINT, "do not go by it"),
    (proxies(http_proxy="http://p", no_proxy="127.0.0.0/8"), HINT, "leaves out localhost"),
    (settings.key_findings(""), BROKEN, "is set, but blank"),
    (settings.key_findings(" \n"), BROKEN, "is set, but blank"),
    (settings.key_findings(f"{KEY}\n"), BROKEN, "a line end around it"),
    (settings.key_findings(f"'{KEY}'"), BROKEN, "has quotes around it"),
    (settings.key_findings(f"Bearer {KEY}"), BROKEN, "begins with 'Bearer'"),
    (settings.key_findings(f"{KEY}ü"), BROKEN, "character that no header can carry"),
    (settings.key_findings("sk-your-key-goes-here"), BROKEN, "looks like a placeholder"),
    (settings.key_findings("sk-xxxxxxxxxxxxxxxx"), BROKEN, "looks like a placeholder"),
    (settings.key_findings("$MOONSHOT_API_KEY"), BROKEN, "looks like a placeholder"),
    (settings.key_findings("sk-1"), BROKEN, "looks like a placeholder"),
    (settings.key_findings(KEY.removeprefix("sk-")), HINT, "does not begin with sk-"),
    (settings.url_findings(""), BROKEN, "is no URL"),
    (settings.url_findings("api.moonshot.cn/v1"), BROKEN, "is no URL"),
    (settings.url_findings('"https://api.moonshot.cn/v1"'), BROKEN, "is no URL"),
    (settings.url_findings("https://host:port/v1"), BROKEN, "is no URL"),
    (settings.url_findings("https://api.moonshot.cn"), HINT, "=https://api.moonshot.cn/v1"),
    (settings.url_findings("http://api.moonshot.cn/v1"), HINT, "can read the key"),
    (settings.url_findings("http://api.moonshot.cn"), HINT, "=https://api.moonshot.cn/v1"),
    (
        settings.url_findings("https://api.moonshot.cn/v1/chat/completions"),
        BROKEN,
        "KIMI_BASE_URL=https://api.moonshot.cn/v1",
    ),
    (settings.url_findings("https://me:pw-secret@h.example/v1?k=pw-secret"), HINT, "more to it"),
    (
        settings.findings(replace(NO_FILES, models_file=(Path("m.toml"), "m.toml: line 3"))),
        BROKEN,
        "m.toml: line 3",
    ),
    (settings.findings(replace(NO_FILES, models_named=True)), HINT, "which is not there"),
    (
        settings.findings(replace(NO_FILES, history=(Path("h"), "it is no SQLite file"))),
        BROKEN,
        "h: it is no SQLite file",
    ),
    (clients.findings(replace(CLIENTS, there=False)), BROKEN, "adapters install --all"),
    (clients.findings(replace(CLIENTS, damaged=("x.lock.json",))), BROKEN, "x.lock.json"),
    (clients.findings(replace(CLIENTS, installed=(INSTALLED,))), HINT, "was tested with 1.1"),
    (clients.browser_findings(None), HINT, "apt install chromium"),
    (live.findings(replace(ANSWER, wrong="answers with 401")), BROKEN, "refuses the key (401)"),
    (live.findings(replace(ANSWER, wrong="no route")), BROKEN, "curl -i https://api.example/v1"),
    (live.findings(replace(ANSWER, models=None)), BROKEN, "lacks its /v1"),
    (live.findings(replace(ANSWER, ahead=3600.0)), HINT, "3,600 s ahead of the endpoint's"),
    (live.findings(replace(ANSWER, ahead=-90.0)), HINT, "90 s behind the endpoint's"),
    (trial.findings(trial.Trial(verdicts=(), wrong="pytest ended with 3")), BROKEN, "ended with 3"),
    (trial.findings(trial.Trial(verdicts=("failed",))), BROKEN, "on the simulator: failed"),
    (trial.findings(trial.Trial(verdicts=())), BROKEN, "on the simulator: not run"),
    (trial.own_findings(trial.Own(code=3, told="ValueError: --host")), HINT, "ValueError: --host"),
    (trial.own_findings(trial.Own(code=None, told="timed out")), HINT, "does not start: timed out"),
]


@pytest.mark.parametrize("found", [list(found) for found in WELL.values()], ids=WELL)
def test_nothing_is_said_against_what_is_well(found: list[Finding]) -> None:
    assert found
    assert worst(found) is Health.WELL


@pytest.mark.parametrize(
    ("found", "health", "told"),
    [(list(found), health, told) for found, health, told in AILMENTS],
    ids=[told for *_, told in AILMENTS],
)
def test_an_ailment_is_told_with_what_mends_it(
    found: list[Finding], health: Health, told: str
) -> None:
    ailing = [finding for finding in found if finding.health is not Health.WELL]

    assert worst(found) is health
    assert any(told in each.text + each.means + each.mend for each in ailing)
    assert all(each.means and each.mend for each in ailing)
    assert "secret" not in repr(ailing)
    assert KEY.removeprefix("sk-") not in repr(ailing)


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("click>=8.4", Needed(name="click", range=">=8.4")),
        ("httpx<0.29,>=0.28.1", Needed(name="httpx", range="<0.29,>=0.28.1")),
        ("uvloop>=0.21; sys_platform != 'win32'", Needed(name="uvloop", range=">=0.21")),
        ('pywin32; sys_platform == "win32"', None),
        ('openai>=3; extra == "openai"', Needed(name="openai", range=">=3", extra="openai")),
        ("letta[sqlite] (>=0.11)", Needed(name="letta", range=">=0.11")),
        ("???", None),
    ],
)
def test_metadata_is_read(line: str, needed: Needed | None) -> None:
    assert parse(line, "linux") == needed


@pytest.mark.parametrize(
    ("version", "range", "held"),
    [
        ("9.4", ">=9.4.0", True),
        ("9.10", ">=9.4", True),
        ("9.3.9", ">=9.4", False),
        ("0.28.1", ">=0.28.1,<0.29", True),
        ("0.29", ">=0.28.1,<0.29", False),
        ("1.4.9", "~=1.4.2", True),
        ("1.5.0", "~=1.4.2", False),
        ("2.0", "!=2.0", False),
        ("2.0", "==2.0.0", True),
        ("5", "", True),
    ],
)
def test_versions_are_held_against_ranges(version: str, range: str, held: bool) -> None:
    assert holds(version, range) is held


def test_files_are_held_against_what_the_installer_wrote_down(tmp_path: Path) -> None:
    folder = tmp_path / "kimi_conformance"
    folder.mkdir()
    (folder / "same.py").write_bytes(b"a")
    (folder / "changed.py").write_bytes(b"b")
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"a").digest()).rstrip(b"=").decode()
    names = ("kimi_conformance/same.py", "kimi_conformance/changed.py", "kimi_conformance/gone.py")

    found = content.compared(
        [*((n, f"sha256={digest}") for n in names), ("other.py", "")], tmp_path
    )

    assert found == (3, ("kimi_conformance/gone.py",), ("kimi_conformance/changed.py",))


def test_a_date_is_held_against_the_clock() -> None:
    assert live.ahead_of("Thu, 01 Jan 1970 00:01:40 GMT", 130.0) == 30.0
    assert live.ahead_of("soon", 130.0) is None
    assert live.ahead_of("", 130.0) is None


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    seen = machine.observe_disk(tmp_path / "reports" / "out")

    assert (seen.refused, list(tmp_path.iterdir())) == ("", [])
    assert seen.free > 0


def test_this_machine_can_be_looked_at() -> None:
    soft, hard = machine.observe_files()
    seen = network.observe()

    assert 0 < soft <= hard
    assert 0 < machine.observe_clock().tick < 1
    assert (seen.refused, seen.lost) == ("", "")
    assert content.observe().requirements > 500
    assert plugins.observe_plugins().ours == 1
    assert plugins.observe_copies().installed
    assert python.observe().found["click"]
