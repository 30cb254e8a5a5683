"""Templates that somebody else wrote: no escape, no file from outside, no endless loop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.cli.keeping import bounded

RUN = Path(__file__).parents[1] / "reporting" / "runs" / "schema-1.jsonl"
PAGE, SUMMARY = "page.html.j2", "summary.md.j2"

ESCAPES = {
    "classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "by-attr": "{{ ''|attr('__class__') }}",
    "by-item": "{{ ''['__class__']['__mro__'] }}",
    "globals": "{{ cycler.__init__.__globals__ }}",
    "of-a-macro": "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "of-a-method": "{{ report.__init__.__globals__ }}",
    "self": "{{ self._TemplateReference__context }}",
    "format": "{{ '{0.__class__.__init__.__globals__}'.format(report) }}",
    "format-map": "{{ '{a.__class__.__mro__}'.format_map({'a': report}) }}",
    "loader": "{{ self.environment.loader.searchpath }}",
    "import-outside": "{% import '/etc/passwd' as p %}",
    "include-outside": "{% include '../../../../../../etc/passwd' %}",
    "include-absolute": "{% include '/etc/passwd' %}",
    "extends-outside": "{% extends '../secret.txt' %}",
    "changes-the-run": "{{ report.__dict__.clear() }}",
    "endless-range": "{% for n in range(10**9) %}x{% endfor %}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "includes-itself": "{% include 'summary.md.j2' %}",
}


def wrote(folder: Path, text: str, name: str = SUMMARY) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("name", ESCAPES)
def test_what_no_template_may_have_is_refused(
    run: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    own = wrote(tmp_path / "own", ESCAPES[name])

    said = run("report", RUN, "--out", "out", "--format", "md", "--template", own)

    assert said.code == 2, said
    assert len(said.err) < 2000
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("name", [SUMMARY, "part.j2"])
def test_a_link_does_not_lead_out_of_the_folder(
    run: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    own = wrote(tmp_path / "own", "{% include 'part.j2' %}", "summary.md.j2")
    (own / name).unlink(missing_ok=True)
    (own / name).symlink_to(tmp_path / "secret.txt")

    said = run("report", RUN, "--out", "out", "--format", "md", "--template", own)

    assert said.code == 2
    assert "is a link to a file outside" in said.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}"
            "{% endfor %}{% endfor %}{% endfor %}",
            "took longer than",
        ),
        ("{{ 'a' * 10**11 }}", "more than"),
        ("{{ 'a'.ljust(10**11) }}", "more than"),
        (
            "{% set n = namespace(x='a' * 1000) %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}"
            "{% endfor %}",
            "more than",
        ),
    ],
)
def test_time_and_memory_of_a_template_have_an_end(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.setattr(bounded, "SECONDS", 0.5 if "longer" in told else 30)
    monkeypatch.setattr(bounded, "MEMORY", 2**28)
    own = wrote(tmp_path / "own", text)

    said = run("report", RUN, "--out", "out", "--format", "md", "--template", own)

    assert said.code == 2
    assert told in said.err
