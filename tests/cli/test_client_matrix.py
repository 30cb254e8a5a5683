"""`kimi-conformance matrix`: one run over several clients, told side by side."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance import suite
from kimi_conformance.adapters.clients.environments import VARIABLE
from kimi_conformance.cli.commands import matrix as client_matrix
from kimi_conformance.cli.commands.matrix import matrix_of
from kimi_conformance.cli.keeping.run_folder import read_run
from kimi_conformance.requirements import Level, Plane
from kimi_conformance.runs import SCHEMA, check_record, encode, parse
from kimi_conformance.verdicts import Outcome, Verdict

Run = Callable[..., Any]
CHECK = "adapter/requests/a_chat_speaks_the_openai_dialect"
FOUND = {
    "curl": [Verdict.PASSED, Verdict.PASSED, Verdict.NOT_CLAIMED],
    "reference": [Verdict.PASSED, Verdict.FAILED, Verdict.KNOWN_FAILURE],
}


def outcomes() -> list[Outcome]:
    return [
        Outcome(
            id=f"{CHECK}[{number}]",
            requirement="REQ-04",
            level=Level.MUST,
            plane=Plane.ADAPTER,
            sut=sut,
            verdict=verdict,
            seconds=0.1,
            reason="" if verdict is Verdict.PASSED else "for a reason",
        )
        for sut, verdicts in FOUND.items()
        for number, verdict in enumerate(verdicts)
    ]


def evidence(*names: str) -> list[bytes]:
    """What the checks of these adapters write."""
    versions = {"endpoint": None, "curl": "7.88.1", "reference": "0.1.0"}
    suts = [
        {"record": "sut", "plane": plane, "name": name, "version": versions[name]}
        for plane, name in (("endpoint", "endpoint"), *(("adapter", name) for name in names))
    ]
    found = [replace(each, exchanges=("x1",)) for each in outcomes() if each.sut in names]
    return [*map(encode, suts), *(encode(check_record(each)) for each in found)]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The plans that were run; the checks are not."""
    plans = []

    def run_checks(plan: Any, _suite: object, file: Path) -> None:
        plans.append(plan)
        file.write_bytes(b"".join(evidence(*plan.adapters)))

    monkeypatch.setattr(client_matrix, "run_checks", run_checks)
    return plans


def test_each_adapter_has_its_own_counts_and_verdict() -> None:
    header = [encode({"record": "header", "schema": SCHEMA, "edition": "2025-09"})]
    run = parse([*header, *evidence("curl"), *evidence("reference")])

    answer = matrix_of(run, suite.find().catalogue(), ["curl", "reference"])

    curl, reference = answer["adapters"]
    assert answer["edition"] == "2025-09"
    assert (curl["name"], curl["version"], curl["language"]) == ("curl", "7.88.1", "program")
    assert curl["verdict"] == "CONFORMANT"
    assert (curl["passed"], curl["not_claimed"], curl["counts"]["passed"]) == (2, 1, 2)
    assert reference["verdict"] == "NOT CONFORMANT"
    assert (reference["failed"], reference["counts"]["known_failure"]) == (1, 1)
    assert len(answer["cells"]) == 6
    assert answer["cells"][2] == {
        "adapter": "curl",
        "check": f"{CHECK}[2]",
        "requirement": "REQ-04",
        "verdict": "not_claimed",
        "reason": "for a reason",
    }


def test_the_matrix_is_told_as_a_table_as_json_and_as_a_page(
    run: Run, judged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_matrix, "factory_of", lambda spec: spec)

    said = run("matrix", "--adapter", "curl", "--adapter", "reference", "--json", "answer.json")

    answer = json.loads(Path("answer.json").read_text())
    assert said.code == 1
    assert sorted(plan.adapters for plan in judged) == [("curl",), ("reference",)]
    assert (judged[0].plane, judged[0].lane) == ("adapter", "simulator")
    assert [row["name"] for row in answer["adapters"]] == ["curl", "reference"]
    assert answer["verdict"] == "NOT CONFORMANT"
    [head, curl, *_] = said.out.splitlines()
    assert head.split()[:4] == ["client", "version", "verdict", "passed"]
    assert curl.split() == ["curl", "7.88.1", "CONFORMANT", "2", "0", "0", "1", "0", "0"]
    [page] = Path("reports/out").glob("*-matrix/report.html")
    assert "7.88.1" in page.read_text()
    run_of_both = read_run(page.parent)
    assert [sut["name"] for sut in run_of_both.header["suts"]] == ["curl", "reference"]
    assert run_of_both.checks[-1].exchanges == ("1-x1",)
    assert not list(page.parent.glob("part-*"))


@pytest.mark.parametrize(
    ("record", "renumbered"),
    [
        ({"record": "exchange", "id": "x1"}, {"record": "exchange", "id": "3-x1"}),
        ({"record": "law", "exchanges": ["x1"]}, {"record": "law", "exchanges": ["3-x1"]}),
        ({"record": "plan", "checks": 7}, {"record": "plan", "checks": 7}),
    ],
)
def test_the_exchanges_of_all_processes_have_numbers_of_their_own(
    record: dict[str, Any], renumbered: dict[str, Any]
) -> None:
    assert client_matrix._renumbered(record, 3) == renumbered


def test_without_a_client_it_says_how_to_install_some(
    run: Run, judged: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "clients"))
    monkeypatch.setenv("PATH", str(tmp_path))

    said = run("matrix")

    assert said.code == 2
    assert "kimi-conformance adapters install --all" in said.err
    assert not judged


def test_a_client_that_is_not_installed_is_not_judged_silently(
    run: Run, judged: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "clients"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("curl", "node"):
        (tmp_path / name).write_text("#!/bin/sh\necho curl 8.1.2\n")
        (tmp_path / name).chmod(0o755)

    said = run("matrix", "--json", "answer.json")

    answer = json.loads(Path("answer.json").read_text())
    assert [plan.adapters for plan in judged] == [("curl",)]
    assert {"name": "litellm", "reason": "not installed"} in answer["not_judged"]
    assert "litellm              not judged: not installed" in said.out
