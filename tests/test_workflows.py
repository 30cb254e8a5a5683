"""The workflows: what they may, what they run, and that what they run is what we have."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from kimi_conformance import cli

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
GITLAB = ROOT / "docs" / "examples" / "gitlab-ci.yml"
WORKFLOWS = {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in FOLDER.glob("*.yml")}
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
JOB_KEYS = {
    *("concurrency", "env", "environment", "if", "name", "needs", "outputs", "permissions"),
    *("runs-on", "steps", "strategy", "timeout-minutes"),
}
STEP_KEYS = {"continue-on-error", "env", "id", "if", "name", "run", "uses", "with"}
SCOPES = {"actions", "contents", "id-token", "issues", "pages"}
# Who may write what: whatever is not listed here may read the contents, or nothing.
MAY_WRITE = {
    ("nightly", "night"): {"issues"},
    ("nightly", "publish"): {"id-token", "pages"},
    ("release", "publish"): {"id-token"},
}
VARIABLES = {
    "TIER": "free",
    "MAX_REQUESTS": "10",
    "MAX_TOKENS": "1000",
    "KIMI_BASE_URL": "https://api.example/v1",
    "KIMI_WEBHOOK_URL": "https://hook.example/x",
    "LINK": "https://example.invalid/run",
    "GITHUB_REPOSITORY": "owner/name",
    "GITHUB_REF_NAME": "v0.1.0",
    "NIGHT": "3",
    "TARGET": "fuzz",
    "CI_PROJECT_DIR": ".",
    "VERSIONS": "lowest",
}
# Stands in for each program: notes its arguments, and ends as it is told to.
NOTE = (
    "import json, os, sys; open(os.environ['NOTED'], 'a').write(json.dumps(sys.argv[1:]) + chr(10))"
)
STUB = """#!/bin/sh
"$REAL_PYTHON" -S -c "$NOTE" "$(basename "$0")" "$@"
case "$(basename "$0") $*" in
  gh*) echo 42 ;;
  python*__version__*) echo 0.1.0 ;;
esac
case "$1" in nightly|notify) exit "${ENDS:-0}" ;; esac
"""


def jobs() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for name, workflow in WORKFLOWS.items():
        for job, what in workflow["jobs"].items():
            yield name, job, what


def steps() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for name, job, what in jobs():
        for step in what["steps"]:
            yield name, job, step


def scripts() -> dict[str, str]:
    """The shell lines of each step that has any, by where they stand."""
    found = {
        f"{name}/{job}/{step.get('name', step.get('id', ''))}": step["run"]
        for name, job, step in steps()
        if "run" in step
    }
    gitlab = yaml.safe_load(GITLAB.read_text("utf-8"))
    found |= {
        f"gitlab/{job}": "\n".join(what["script"])
        for job, what in gitlab.items()
        if "script" in what
    }
    return found


def test_there_are_a_gate_a_night_and_a_release() -> None:
    assert WORKFLOWS.keys() == {"pull-request", "nightly", "release"}


def test_every_action_is_pinned_to_a_commit_and_says_which_version_that_is() -> None:
    lines = [
        line.strip().removeprefix("- ")
        for file in FOLDER.glob("*.yml")
        for line in file.read_text("utf-8").splitlines()
        if "uses:" in line
    ]

    assert len(lines) > 10
    assert [line for line in lines if not PINNED.fullmatch(line)] == []


def test_one_action_is_one_commit_everywhere() -> None:
    used = [step["uses"] for _, _, step in steps() if "uses" in step]

    commits: dict[str, set[str]] = {}
    for action, _, commit in (each.partition("@") for each in used):
        commits.setdefault(action, set()).add(commit)
    assert [action for action, found in commits.items() if len(found) > 1] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_read_and_nothing_else_unless_a_job_says_so(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}


def test_a_job_writes_only_what_it_is_known_to_write() -> None:
    writes = {
        (name, job): {scope for scope, may in what.get("permissions", {}).items() if may == "write"}
        for name, job, what in jobs()
    }
    scopes = {scope for _, _, what in jobs() for scope in what.get("permissions", {})}

    assert {key: value for key, value in writes.items() if value} == MAY_WRITE
    assert scopes <= SCOPES


@pytest.mark.parametrize(("name", "job", "what"), list(jobs()), ids=lambda each: str(each)[:20])
def test_a_job_is_well_formed_and_ends(name: str, job: str, what: Mapping[str, Any]) -> None:
    siblings = WORKFLOWS[name]["jobs"].keys()
    wrong = [key for step in what["steps"] for key in step if key not in STEP_KEYS]

    assert what.keys() <= JOB_KEYS
    assert what["timeout-minutes"] <= 150
    assert {what.get("needs", job)} <= siblings
    assert wrong == []
    assert all(("run" in step) != ("uses" in step) for step in what["steps"])


def test_a_pull_request_sees_no_secret_and_asks_no_live_api() -> None:
    text = (FOLDER / "pull-request.yml").read_text("utf-8")

    assert "secrets." not in text
    assert "pull_request_target" not in text
    assert not re.search(r"kimi-conformance (nightly|drift|notify)", text)


def test_the_key_is_given_to_the_steps_that_ask_and_to_no_others() -> None:
    with_key = {step["name"] for _, _, step in steps() if "KIMI_API_KEY" in step.get("env", {})}

    assert with_key == {"Night"}
    assert WORKFLOWS["nightly"]["jobs"]["night"]["environment"] == "live"
    assert "KIMI_API_KEY" not in WORKFLOWS["nightly"]["jobs"]["night"]["env"]


def test_nothing_from_outside_is_pasted_into_a_script() -> None:
    assert [where for where, script in scripts().items() if "${{" in script] == []


def test_a_night_keeps_its_budget_and_its_time() -> None:
    asked = [line for script in scripts().values() for line in commands(script)]
    spending = [line for line in asked if line[0] in {"nightly", "drift", "load", "probe"}]

    assert [line[0] for line in spending] == ["nightly"] * 2  # of GitHub and of GitLab
    for line in spending:
        assert {"--max-requests", "--max-tokens", "--time-limit-total", "--tier"} <= set(line)


def test_a_pull_request_and_a_merge_request_look_at_the_recordings_and_for_secrets() -> None:
    by_job: dict[str, list[str]] = {}
    for where, script in scripts().items():
        by_job.setdefault(where.rpartition("/")[0], []).extend(
            " ".join(line[:2]) for line in commands(script)
        )

    asked = {"gate --out", "record --check", "scan cassettes"}
    assert set(by_job["pull-request/gate"]) >= asked
    assert set(by_job["gitlab"]) >= asked


def commands(script: str) -> list[list[str]]:
    """The arguments of each of our commands in a script, as written."""
    joined = script.replace("\\\n", " ")
    lines = [line for line in re.split(r"[\n;]", joined) if "kimi-conformance " in line]
    return [
        shlex.split(re.split(r"\|\||&&", line.partition("kimi-conformance ")[2])[0])
        for line in lines
        if line.strip().startswith("kimi-conformance ")
    ]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder in which every program is a stub, and the run of a night is there."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("gh", "kimi-conformance", "make", "pip", "python", "ruff"):
        (programs / name).write_text(STUB)
        (programs / name).chmod(0o755)
    folder = tmp_path / "reports" / "out" / "20260910-nightly"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("page")
    (folder / "run.jsonl").write_text("{}")
    return tmp_path


def dry(script: str, workspace: Path, **more: str) -> tuple[int, list[list[str]]]:
    """How a script ends as GitHub's shell runs it, and the commands that it came to."""
    noted = workspace / "noted"
    noted.write_text("")
    environment = {
        **VARIABLES,
        "PATH": f"{workspace / 'bin'}:/usr/bin:/bin",
        "REAL_PYTHON": sys.executable,
        "NOTE": NOTE,
        "NOTED": str(noted),
        "GITHUB_OUTPUT": str(workspace / "output"),
        "GITHUB_STEP_SUMMARY": str(workspace / "summary"),
        **more,
    }
    ended = subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=workspace,
        env=environment,
        capture_output=True,
        timeout=20,
    )
    assert b"command not found" not in ended.stderr, ended.stderr
    return ended.returncode, [json.loads(line) for line in noted.read_text().splitlines()]


def parsed(arguments: Sequence[str]) -> str:
    """What our command line says of the arguments: "", or what is wrong with them."""
    command = cli._command.get_command(click.Context(cli._command), arguments[0])
    if command is None:
        return f"there is no command {arguments[0]}"
    try:
        command.make_context(arguments[0], list(arguments[1:]))
    except click.ClickException as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("where", scripts())
def test_a_script_runs_and_what_it_calls_is_what_we_have(
    where: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)

    code, called = dry(scripts()[where], workspace)

    assert code == 0
    ours = [arguments[1:] for arguments in called if arguments[0] == "kimi-conformance"]
    assert [wrong for each in ours if (wrong := parsed(each))] == []
    made = {arguments[1] for arguments in called if arguments[0] == "make"}
    assert made <= targets()


def targets() -> set[str]:
    """What the Makefile makes that is no file."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (line,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    return set(line.split())


def test_the_pythons_that_we_name_are_those_that_a_pull_request_is_tested_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    matrix = WORKFLOWS["pull-request"]["jobs"]["gate"]["strategy"]["matrix"]
    versions = WORKFLOWS["nightly"]["jobs"]["versions"]["strategy"]["matrix"]["include"]

    assert matrix["python"] == named
    assert project["requires-python"] == f">={named[0]}"
    assert {each["versions"] for each in versions} == {"lowest", "newest"}
    assert {each["versions"] for each in versions} <= targets()
    assert {each["python"] for each in versions} == {named[0], named[-1]}


def test_a_night_that_did_not_hold_is_told_and_then_is_red(workspace: Path) -> None:
    of = scripts()

    assert dry(of["nightly/night/Night"], workspace, ENDS="1")[0] == 0
    assert "code=1" in (workspace / "output").read_text()
    told, called = dry(of["nightly/night/Tell whoever should know"], workspace, ENDS="1")
    assert told == 0
    (notify,) = called
    assert notify.count("--run") == 1
    ended = of["nightly/night/How it ended"]
    codes = {night: dry(ended, workspace, NIGHT=night)[0] for night in ("0", "1", "2", "3", "")}
    assert codes == {"0": 0, "1": 1, "2": 1, "3": 0, "": 1}


def test_what_could_not_be_told_makes_the_night_red(workspace: Path) -> None:
    assert dry(scripts()["nightly/night/Tell whoever should know"], workspace, ENDS="3")[0] == 3


def test_a_tag_that_is_not_the_version_is_no_release(workspace: Path) -> None:
    script = scripts()["release/build/The tag is the version"]

    assert dry(script, workspace, GITHUB_REF_NAME="v0.1.1")[0] == 1


@pytest.mark.parametrize(
    "target", WORKFLOWS["nightly"]["jobs"]["search"]["strategy"]["matrix"]["target"]
)
def test_what_a_night_searches_by_is_a_target(target: str, workspace: Path) -> None:
    code, called = dry(scripts()["nightly/search/Search"], workspace, TARGET=target)

    assert (code, called) == (0, [["make", target]])
    assert re.search(rf"^{target}: install$", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_pages_are_collected_and_a_night_without_any_is_no_error(workspace: Path) -> None:
    script = scripts()["nightly/night/Collect the pages"]

    assert dry(script, workspace)[0] == 0
    assert (workspace / "site" / "index.html").read_text() == "page"
    for file in workspace.glob("reports/out/*/*.html"):
        file.unlink()
    assert dry(script, workspace)[0] == 0
