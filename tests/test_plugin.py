"""The plugin turns how a check ends into the right verdict, whatever happens in it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kimi_conformance.runs import SCHEMA, Run, encode, parse
from kimi_conformance.verdicts import Verdict

CONFORMANCE = Path(__file__).parent.parent / "conformance"

ADAPTERS = '''
"""Adapters for the tests of the plugin."""

import asyncio, socket, time


class Sound:
    name, version = "sound", "1"
    capabilities = ("chat", "model_filter")

    def __init__(self, binding):
        self.binding = binding

    async def chat(self, request):
        return None

    async def aclose(self):
        pass


class Modest(Sound):
    capabilities = ()


class Hanging(Sound):
    async def chat(self, request):
        await asyncio.sleep(60)


class Blocking(Sound):
    async def chat(self, request):
        try:
            time.sleep(60)
        except Exception:
            return None


class Leaving(Sound):
    async def chat(self, request):
        try:
            socket.create_connection(("192.0.2.1", 80), timeout=1)
        except OSError:
            return None


class Failing(Sound):
    async def chat(self, request):
        raise RuntimeError("no luck")


def raises(binding):
    raise RuntimeError("out of order")


def hangs(binding):
    time.sleep(60)


def no_adapter(binding):
    return object()
'''

CHECKS = '''
"""Checks for the tests of the plugin."""

import pytest

from kimi_conformance.checks import InconclusiveError, replies, requirement


@requirement("FILTER-01")
async def test_passes(adapter, upstream):
    await adapter.chat(None)


@requirement("FILTER-01")
async def test_fails(adapter, upstream):
    assert adapter is None


@requirement("FILTER-01")
async def test_cannot_tell(adapter, upstream):
    raise InconclusiveError("nobody was there")


@requirement("FILTER-01")
async def test_has_no_recording(adapter, service):
    await adapter.chat(None)


@requirement("FILTER-01")
@pytest.mark.parametrize("letter", [pytest.param("a", id="the-a"), pytest.param("b", id="the-b")])
async def test_has_variants(adapter, upstream, letter):
    assert letter == "a"


@requirement("FILTER-01")
async def test_is_skipped(adapter, upstream):
    pytest.skip("no time")


def test_that_is_no_check():
    pass
'''


def run(folder: Path, adapter: str, *options: str) -> tuple[Run, subprocess.CompletedProcess[str]]:
    plane = folder / "adapter"
    plane.mkdir(exist_ok=True)
    (folder / "their_adapters.py").write_text(ADAPTERS)
    (plane / "test_probe.py").write_text(CHECKS)
    (folder / "conftest.py").write_text((CONFORMANCE / "conftest.py").read_text())
    (folder / "pytest.ini").write_text((CONFORMANCE / "pytest.ini").read_text())
    evidence = folder / "run.jsonl"
    evidence.write_bytes(encode({"record": "header", "schema": SCHEMA, "run": "r"}))
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "pytest_asyncio.plugin"),
            *("-p", "kimi_conformance.plugin", "-p", "no:cacheprovider", "adapter"),
            *("--kimi-adapter", f"their_adapters:{adapter}", f"--kimi-evidence={evidence}"),
            *options,
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": os.pathsep.join(
                [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    with evidence.open("rb") as lines:
        return parse(lines), result


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    """The run of a sound adapter and of one that claims nothing, and what pytest said."""
    other = "--kimi-adapter=their_adapters:Modest"
    found, result = run(tmp_path_factory.mktemp("ran"), "Sound", other)
    return found, result.stdout


@pytest.fixture
def sound(ran: tuple[Run, str]) -> tuple[Run, str]:
    """What was found of the sound adapter, and what pytest said."""
    found, said = ran
    return of("Sound", found), said


def of(adapter: str, found: Run) -> Run:
    """What a run found of one adapter."""
    return replace(found, checks=[c for c in found.checks if c.sut == f"their_adapters:{adapter}"])


def verdicts(run: Run) -> dict[str, Verdict]:
    return {outcome.id.split("/")[-1]: outcome.verdict for outcome in run.checks}


def reasons(run: Run) -> dict[str, str]:
    return {outcome.id.split("/")[-1]: outcome.reason for outcome in run.checks}


def test_each_ending_has_its_verdict(sound: tuple[Run, str]) -> None:
    found, said = sound

    assert verdicts(found) == {
        "passes": Verdict.PASSED,
        "fails": Verdict.FAILED,
        "cannot_tell": Verdict.INCONCLUSIVE,
        "has_no_recording": Verdict.ERROR,
        "has_variants[the-a]": Verdict.PASSED,
        "has_variants[the-b]": Verdict.FAILED,
        "is_skipped": Verdict.INCONCLUSIVE,
    }, said
    assert "kimi-conformance record" in reasons(found)["has_no_recording"]
    assert {outcome.id.rsplit("/", 1)[0] for outcome in found.checks} == {"adapter/probe"}
    assert found.checks[0].sut == "their_adapters:Sound"


@pytest.mark.heavy
def test_of_a_matrix_only_the_cells_that_are_named_are_run(tmp_path: Path) -> None:
    (tmp_path / "cells.json").write_text(
        json.dumps(
            {
                "adapter/probe/passes": ["their_adapters:Sound", "their_adapters:Failing"],
                "adapter/probe/has_variants[the-b]": ["their_adapters:Sound"],
            }
        )
    )

    found, _ = run(
        *(tmp_path, "Sound", "--kimi-adapter=their_adapters:Failing"),
        *("--kimi-matrix", "--kimi-cells=cells.json"),
    )

    cells = {(each.id.split("/")[-1], each.sut.split(":")[-1]): each for each in found.checks}
    assert {cell: each.verdict for cell, each in cells.items()} == {
        ("passes", "Sound"): Verdict.PASSED,
        ("passes", "Failing"): Verdict.FAILED,
        ("has_variants[the-b]", "Sound"): Verdict.FAILED,
    }
    assert {each.detail for each in found.checks} == {""}  # nobody reads a matrix's tracebacks


def test_what_is_not_claimed_is_not_judged(ran: tuple[Run, str]) -> None:
    found = of("Modest", ran[0])

    assert set(verdicts(found).values()) == {Verdict.NOT_CLAIMED}
    assert "does not claim 'model_filter'" in reasons(found)["passes"]


@pytest.mark.heavy
@pytest.mark.parametrize("adapter", ["Hanging", "Blocking"])
def test_a_check_ends_at_its_time_limit(tmp_path: Path, adapter: str) -> None:
    found, _ = run(tmp_path, adapter, "--kimi-time-limit=0.3", "-k", "test_passes")

    assert verdicts(found) == {"passes": Verdict.FAILED}
    assert "longer than its limit of 0.3 s" in reasons(found)["passes"]


@pytest.mark.heavy
def test_an_adapter_that_leaves_the_machine_fails_even_if_it_hides_it(tmp_path: Path) -> None:
    found, _ = run(tmp_path, "Leaving", "-k", "test_passes")

    assert verdicts(found) == {"passes": Verdict.FAILED}
    assert "tried to reach 192.0.2.1 in an offline run" in reasons(found)["passes"]


@pytest.mark.heavy
def test_an_adapter_that_raises_fails(tmp_path: Path) -> None:
    found, _ = run(tmp_path, "Failing", "-k", "test_passes")

    assert verdicts(found) == {"passes": Verdict.FAILED}
    assert reasons(found)["passes"] == "RuntimeError: no luck"


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("adapter", "told"),
    [
        ("raises", "raised RuntimeError: out of order"),
        ("hangs", "did not come back within 0.3 s"),
        ("no_adapter", "is no adapter: it lacks name, version, capabilities, aclose"),
    ],
)
def test_an_adapter_that_cannot_be_opened_is_an_error_of_the_suite(
    tmp_path: Path, adapter: str, told: str
) -> None:
    found, _ = run(tmp_path, adapter, "--kimi-time-limit=0.3")

    assert set(verdicts(found).values()) == {Verdict.ERROR}
    assert all(told in reason for reason in reasons(found).values())


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--kimi-edition=2025-10",), "There is no edition '2025-10'"),
        (("--kimi-lane=tape",), "There is no lane 'tape'"),
        (("--kimi-lane=live",), "needs a key: set KIMI_API_KEY"),
    ],
)
def test_wrong_use_is_pytests_usage_error(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    _, result = run(tmp_path, "Sound", *options)

    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert told in result.stdout + result.stderr


def test_a_check_of_an_unknown_requirement_is_a_usage_error(tmp_path: Path) -> None:
    plane = tmp_path / "adapter"
    plane.mkdir()
    (plane / "test_typo.py").write_text(
        "from kimi_conformance.checks import requirement\n\n\n"
        '@requirement("FILTER-1")\ndef test_it(adapter, upstream):\n    pass\n'
    )

    _, result = run(tmp_path, "Sound")

    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "There is no requirement 'FILTER-1'. Did you mean 'FILTER-1" in (
        result.stdout + result.stderr
    )


KNOWN = """
[[known_failure]]
check = "adapter/probe/{check}"
reason = "It is somebody else's."
issue = "none known"
expires = {expires}
"""


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("check", "expires", "name", "verdict", "told"),
    [
        ("fails", "2999-12-31", "fails", Verdict.KNOWN_FAILURE, "It is somebody else's. Issue:"),
        ("fails", "2000-12-31", "fails", Verdict.FAILED, "known until 2000-12-31, which has pas"),
        ("passes", "2999-12-31", "passes", Verdict.FAILED, "take out known.toml, entry 1"),
        ("cannot_tell", "2999-12-31", "cannot_tell", Verdict.INCONCLUSIVE, "nobody was there"),
        (
            "has_variants[the-b]",
            "2999-12-31",
            "has_variants[the-b]",
            Verdict.KNOWN_FAILURE,
            "Found: assert 'b' == 'a'",
        ),
    ],
)
def test_what_is_known_to_fail_is_judged_so(
    sound: tuple[Run, str],
    tmp_path: Path,
    check: str,
    expires: str,
    name: str,
    verdict: Verdict,
    told: str,
) -> None:
    (tmp_path / "known.toml").write_text(KNOWN.format(check=check, expires=expires))

    found, _ = run(tmp_path, "Sound", "--kimi-baseline=known.toml")

    assert verdicts(found) == {**verdicts(sound[0]), name: verdict}
    assert told in reasons(found)[name]
    assert [record["check"] for record in found.baselines] == [f"adapter/probe/{check}"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (KNOWN.format(check="fals", expires="2999-12-31"), "Did you mean 'adapter/probe/fails'?"),
        (KNOWN.format(check="has_variants", expires="2999-12-31"), "Its variants: the-a, the-b"),
        ("[[known_failure]]", "known.toml, entry 1 (no check) lacks check, reason, issue, exp"),
        (None, "The baseline known.toml cannot be read: No such file"),
    ],
)
def test_a_wrong_baseline_is_a_usage_error(tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / "known.toml").write_text(text)

    found, result = run(tmp_path, "Sound", "--kimi-baseline=known.toml")

    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert told in result.stdout + result.stderr
    assert found.checks == []
