"""The manifest of a run on Kubernetes: what it starts is understood, and fits together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from kimi_conformance.cli.commands.load import load
from kimi_conformance.load.running.crew import address
from kimi_conformance.suite import find

FILE = Path(find().loadtests) / "kubernetes" / "load.yaml"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    """Its objects by kind and name; its volume is a folder of this machine."""
    volume = str(tmp_path_factory.mktemp("volume"))
    found = yaml.safe_load_all(FILE.read_text("utf-8").replace("/reports", volume))
    return {(part["kind"], part["metadata"]["name"]): part for part in found}


def container(parts: dict[tuple[str, str], Any], role: str) -> Any:
    (only,) = parts["Job", f"kimi-load-{role}"]["spec"]["template"]["spec"]["containers"]
    return only


def options(parts: dict[tuple[str, str], Any], role: str) -> dict[str, Any]:
    """What the command takes from the words of a container."""
    command, name, *words = container(parts, role)["command"]
    assert (command, name) == ("kimi-conformance", "load")
    volumes = [each["mountPath"] for each in container(parts, role).get("volumeMounts", [])]
    given = [_here(word, volumes) for word in (*words, *container(parts, role)["args"])]
    run = load.get_command(click.Context(load), "run")
    assert run is not None
    return run.make_context("run", given).params


def _here(word: str, volumes: Sequence[str]) -> str:
    """A word of a command with a folder of this machine for that of a volume."""
    for volume in volumes:
        word = word.replace(f"={volume}", f"={FILE.parent}")
    return word


def test_master_and_workers_run_the_same(parts: dict[tuple[str, str], Any]) -> None:
    master, worker = options(parts, "master"), options(parts, "worker")

    assert (master["scenario"], master["duration"]) == (worker["scenario"], worker["duration"])
    assert container(parts, "master")["image"] == container(parts, "worker")["image"]
    assert container(parts, "master")["envFrom"] == container(parts, "worker")["envFrom"]


def test_as_many_workers_start_as_are_expected(parts: dict[tuple[str, str], Any]) -> None:
    job = parts["Job", "kimi-load-worker"]["spec"]

    assert options(parts, "master")["expect_workers"] == job["parallelism"] == job["completions"]


def test_workers_reach_the_master_and_nobody_else_does(parts: dict[tuple[str, str], Any]) -> None:
    host, port = address(options(parts, "worker")["worker"])
    service = parts["Service", host]["spec"]
    policy = parts["NetworkPolicy", "kimi-load-master"]["spec"]
    (rule,) = policy["ingress"]

    assert address(options(parts, "master")["master_bind"])[1] == port
    assert [each["port"] for each in service["ports"]] == [port]
    labels = parts["Job", "kimi-load-master"]["spec"]["template"]["metadata"]["labels"]
    assert service["selector"] == policy["podSelector"]["matchLabels"] == labels
    assert [each["port"] for each in rule["ports"]] == [port]


def test_nothing_is_sent_twice_or_without_a_limit(parts: dict[tuple[str, str], Any]) -> None:
    master = options(parts, "master")

    assert master["max_requests"] > 0
    assert master["yes_live"]
    for role in ("master", "worker"):
        job = parts["Job", f"kimi-load-{role}"]["spec"]
        assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (0, "Never")


def test_the_image_is_the_readers_and_no_key_stands_in_it() -> None:
    text = FILE.read_text("utf-8")

    assert text.count("image: YOUR-IMAGE") == 2
    assert "sk-" not in text
