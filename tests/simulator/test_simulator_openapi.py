"""The document that the simulator publishes names what it serves, and the simulator keeps to it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.simulator.scene import EDITION, KEY, THINKING, Clock, play, request, simulator

from kimi_conformance.cassettes import read
from kimi_conformance.editions import Edition
from kimi_conformance.simulator import Simulator
from kimi_conformance.simulator.routes import ROUTES, served
from kimi_conformance.stage import Stage
from kimi_conformance.wire.exchange import Exchange

CASSETTES = Path(__file__).parents[2] / "cassettes"
EDITIONS = [EDITION, THINKING]
# What the API answers otherwise than schemathesis would have it: a wrong method is a 404, as
# recorded, and a body that fits its schema may still break a rule that no schema can say.
NOT_ASKED = "unsupported_method,positive_data_acceptance"
SHAPE = {
    "type": "object",
    "required": ["openapi", "info", "paths", "components"],
    "properties": {
        "openapi": {"const": "3.1.0"},
        "info": {"required": ["title", "version"]},
        "paths": {
            "propertyNames": {"pattern": "^/"},
            "additionalProperties": {
                "propertyNames": {"enum": ["get", "post", "put", "delete"]},
                "additionalProperties": {
                    "required": ["operationId", "responses"],
                    "properties": {
                        "responses": {
                            "propertyNames": {"pattern": "^[1-5][0-9]{2}$"},
                            "additionalProperties": {"required": ["description"]},
                        }
                    },
                },
            },
        },
    },
}


def by_name(edition: Edition) -> str:
    return edition.name


@cache
def document(edition: Edition) -> Any:
    answer = simulator(edition=edition).reply(request("GET", "/openapi.json", key=None))
    assert answer.status == 200
    return answer.json


def operations(edition: Edition) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document(edition)["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def found(edition: Edition, method: str, path: str) -> Mapping[str, Any] | None:
    """The operation that a request belongs to."""
    for known, template, operation in operations(edition):
        pattern = re.sub(r"{\w+}", "[^/]+", template)
        if known == method and re.fullmatch(pattern, path):
            return operation
    return None


@cache
def exchanges(edition: Edition) -> list[Exchange]:
    clock = Clock()
    return play(simulator(edition=edition, clock=clock), clock)


@pytest.mark.parametrize("edition", EDITIONS, ids=by_name)
def test_the_document_has_the_shape_of_openapi(edition: Edition) -> None:
    Draft202012Validator(SHAPE).validate(document(edition))


@pytest.mark.parametrize("edition", EDITIONS, ids=by_name)
def test_every_schema_is_one(edition: Edition) -> None:
    bodies = [
        content["schema"]
        for _, _, operation in operations(edition)
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    named = document(edition)["components"]["schemas"]

    for schema in (*bodies, *named.values()):
        Draft202012Validator.check_schema(schema)
    assert len(bodies) > 5


@pytest.mark.parametrize("edition", EDITIONS, ids=by_name)
def test_the_document_names_exactly_the_routes(edition: Edition) -> None:
    named = {(method, path) for method, path, _ in operations(edition)}
    routes = {(method, path.replace("{uri}", "{owner}/{name}")) for method, path in served(edition)}

    assert named == routes
    assert set(served(edition)) <= set(ROUTES)


@pytest.mark.parametrize("edition", EDITIONS, ids=by_name)
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part)
def test_what_is_not_in_the_document_is_not_served(
    method: str, path: str, edition: Edition
) -> None:
    asked = path.replace("{id}", "none").replace("{uri}", "moonshot/none")

    answer = simulator(edition=edition).reply(request(method, asked))

    assert (answer.json.get("error") == "url.not_found") is ((method, path) not in served(edition))


@pytest.mark.parametrize("edition", EDITIONS, ids=by_name)
def test_what_is_answered_is_in_the_document(edition: Edition) -> None:
    strays = [
        (each.request.method, each.request.path, each.answer.status)
        for each in exchanges(edition)
        if (operation := found(edition, each.request.method, each.request.path)) is not None
        and str(each.answer.status) not in operation["responses"]
    ]

    assert strays == []


@pytest.mark.parametrize("edition", EDITIONS, ids=by_name)
def test_answers_fit_their_schemas(edition: Edition) -> None:
    judged = 0
    for each in exchanges(edition):
        operation = found(edition, each.request.method, each.request.path) or {"responses": {}}
        kind = (each.answer.header("Content-Type") or "").partition(";")[0]
        contents = operation["responses"].get(str(each.answer.status), {}).get("content", {})
        if kind == "application/json" and kind in contents:
            schema = {**document(edition), **contents[kind]["schema"]}
            Draft202012Validator(schema).validate(each.answer.json)
            judged += 1

    assert judged > 60


@pytest.mark.parametrize("edition", EDITIONS, ids=by_name)
def test_the_document_agrees_with_what_the_checks_recorded(edition: Edition) -> None:
    """Each endpoint that a requirement is about is in it, and each status that was seen."""
    seen = {
        (each.request.method, each.request.path, each.answer.status, _is_stray(each))
        for file in (CASSETTES / edition.name / "endpoint").rglob("*.yaml")
        for each in read(file, file.stem).interactions
    }
    strays = [
        (method, path, status)
        for method, path, status, is_stray in seen
        if not is_stray
        and str(status) not in (found(edition, method, path) or {"responses": {}})["responses"]
    ]

    assert len(seen) > 50
    assert strays == []


def _is_stray(exchange: Exchange) -> bool:
    """Whether a path was asked for that is not served, or a method that it does not have."""
    return b'"url.not_found"' in exchange.answer.body


@pytest.mark.heavy
@pytest.mark.parametrize("edition", EDITIONS, ids=by_name)
def test_schemathesis_finds_nothing(edition: Edition, stage: Stage, tmp_path: Path) -> None:
    command = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("schemathesis is not installed: it comes with the extra 'dev'")
    lane = stage.open_lane(Simulator(edition, api_key=KEY), name="", journal=False)
    root = lane.base_url.removesuffix("/v1")

    run = subprocess.run(
        [
            command,
            "run",
            f"{root}/openapi.json",
            *("-H", f"Authorization: Bearer {KEY}"),
            *("--seed", "1", "--max-examples", "10", "--workers", "1", "--no-color"),
            *("--exclude-checks", NOT_ASKED),
        ],
        cwd=tmp_path,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    stage.close_lane(lane)

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
    assert re.search(r"[1-9][0-9]{2,} generated", run.stdout)
