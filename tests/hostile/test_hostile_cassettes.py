"""A cassette that somebody else wrote: read as what was recorded, or refused, at no great cost."""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kimi_conformance import suite
from kimi_conformance.cassettes import read
from kimi_conformance.cassettes.cassette import name_of
from kimi_conformance.errors import CassetteError

GOOD = next((suite.find().cassettes / "2025-09" / "endpoint").rglob("*.yaml"))
TEXT = GOOD.read_text("utf-8")

LAUGHS = "\n".join(
    ["- &a0 [ha, ha]", *(f"- &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 100))]
).replace("\n", "\n  ")
MERGES = "\n".join(
    ["  a0: &a0 {k: v}", *(f"  a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 24))]
)
REPEATED = (
    "b: &b {string: " + "a" * 100_000 + "}\n"
    "e: &e {request: {method: GET, uri: 'http://a/b', body: '', headers: {}}, "
    "response: {status: {code: 200}, headers: {}, body: *b}, "
    "x-frames: {ending: complete, ms: [0, 0], bytes: [50000, 50000]}}\n"
    "interactions: [" + "*e, " * 100_000 + "]\n"
)


def with_line(key: str, value: str) -> str:
    """The good one, the first line of a key changed."""
    lines = TEXT.splitlines()
    place = next(number for number, line in enumerate(lines) if line.lstrip(" -").startswith(key))
    indent = lines[place][: lines[place].index(key)]
    return "\n".join([*lines[:place], f"{indent}{key} {value}", *lines[place + 1 :]])


FILES: dict[str, str] = {
    "code": "interactions: !!python/object/apply:os.system ['touch owned']\n",
    "code-new": "interactions: !!python/object/new:subprocess.Popen [['touch', 'owned']]\n",
    "code-module": "interactions: !!python/module:antigravity\n",
    "laughs": f"laughs:\n  {LAUGHS}\ninteractions: *a99\nprovenance: *a99\n",
    "laughing-method": f"laughs:\n  {LAUGHS}\n" + with_line("method:", "*a99"),
    "laughing-check": f"laughs:\n  {LAUGHS}\n" + with_line("check:", "*a99"),
    "repeated": REPEATED,
    "recursion": "interactions: &a [*a]\n",
    "deep-flow": "interactions: " + "[" * 100_000,
    "deep-block": "\n".join(" " * n + "- " for n in range(2000)),
    "iterator": with_line("headers:", "!!python/object/apply:builtins.iter {args: [[a]]}"),
    "bytes-io": with_line("method:", "!!python/object/new:_io.BytesIO {state: [a]}"),
    "timestamp": "interactions: 2025-99-99\n",
    "tagged-timestamp": "interactions: !!timestamp x\n",
    "digits": "interactions: " + "9" * 5000 + "\n",
    "uri-number": with_line("uri:", "7"),
    "code-infinite": with_line("code:", ".inf"),
    "ms-huge": with_line("ms:", "[" + "9" * 400 + "]"),
    "two-documents": TEXT + "\n---\n" + TEXT,
    "null-byte": TEXT + "\0",
    "one-line": "interactions: " + "a" * 2_000_000,
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_refused_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(FILES[name])

    with pytest.raises(CassetteError, match="'c' ") as told:
        read(tmp_path / "c.yaml", "c")

    assert len(str(told.value)) < 1000
    assert [path.name for path in tmp_path.iterdir()] == ["c.yaml"]


@pytest.mark.heavy
def test_texts_that_are_merged_again_and_again_take_little_memory(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(f"merges:\n{MERGES}\ninteractions: []\n")
    code = "import sys; from kimi_conformance.cassettes import read; read(sys.argv[1], 'c')"

    ended = subprocess.run(
        [sys.executable, "-c", code.replace("sys.argv[1]", "__import__('pathlib').Path('c.yaml')")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=limited,
        check=False,
    )

    assert "CassetteError" in ended.stderr


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    resource.setrlimit(resource.RLIMIT_CPU, (30, 30))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("../../../../etc/passwd", "x-..-..-..-..-etc-passwd"),
        ("é", "x"),
        ("a\u202eb\0c", "x-a-b-c"),
        ("CON. .", "x-CON"),
        ("a\\b:c", "x-a-b-c"),
    ],
)
def test_a_value_in_a_checks_id_is_a_name_and_no_path(value: str, name: str) -> None:
    assert name_of(f"endpoint/chat/x[{value}]", "2025-09") == f"2025-09/endpoint/chat/{name}"


def test_a_long_value_in_a_checks_id_is_cut_and_told_apart() -> None:
    one, two = (name_of(f"endpoint/chat/x[{'a' * 5000}{end}]", "2025-09") for end in "bc")

    assert one != two
    assert max(len(one), len(two)) < 200


def test_the_recordings_of_the_suite_are_read_as_ever(run: Callable[..., object]) -> None:
    assert read(GOOD, "c").interactions
