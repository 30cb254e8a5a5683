"""Texts that an API could answer with to harm whoever reads a report, and a run full of one."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kimi_conformance.requirements import Level, Plane
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Outcome, Verdict

__all__ = ["HOSTILE", "hostile_run"]

Make = Callable[..., dict[str, Any]]

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</pre></code></details><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    '" onmouseover="alert(1)" x=\'',
    "{{ 7 * 7 }}{% raw %}",
    "]]><!--<![CDATA[",
    "```\n````\n# heading\n</details>\n| a | b |\n[x](javascript:alert(1)) @everyone #1",
    "\x00\x07\x1b[31m\x7f\x85\u2028",
    "user\u202eexe.txt\u2066\u200f",
    "\ud800 lone \udfff",
    "\ufffe\uffff\U000e0041",
    "::error file=a::no\n::set-env name=PATH::/tmp\n##[error]no ##vso[task.complete]",
    "a%0A::error::b%25 %\r\n::warning::x",
    "a,title=b:c",
    "| a | b |\n| --- | --- |\n![x](https://example.org/x.png) <img src=x> [a]: http://b",
    '=cmd|"/c calc"!A0',
    "\u2028::error::x\x85::error::y\x0b::error::z",
    "<![CDATA[</failure>&amp;&#0;",
    'a="b\\" # EOF\n# EOF',
)


def hostile_run(run: Run, exchange: Make, load_record: Make, text: str) -> Run:
    """A run in which everything that comes from outside is hostile."""
    outcome = Outcome(
        id=f"endpoint/{text}",
        requirement="SSE-01",
        level=Level.MUST,
        plane=Plane.ENDPOINT,
        sut=text,
        verdict=Verdict.FAILED,
        seconds=0.1,
        reason=text,
        detail=f"first line\n{text}",
        exchanges=("x",),
    )
    record = exchange(
        "x",
        sut=text,
        path=f"/v1/{text}",
        query=text,
        body=json.dumps({"content": text}, ensure_ascii=False),
        answer=text,
        headers=[["x-hostile", text], [text, "x"]],
        answer_headers=[["content-type", text]],
        status=599,
    )
    unknown = replace(outcome, requirement=text, verdict=Verdict.INCONCLUSIVE)
    return replace(
        run,
        header={
            **run.header,
            "run": text,
            "lane": text,
            "source": text,
            "edition": text,
            "configuration": {text: text},
            "suts": [{"plane": "endpoint", "name": text, "version": text, "capabilities": [text]}],
        },
        checks=[outcome, unknown],
        laws=[],
        exchanges={"x": record},
        loads=[
            load_record(
                scenario=text,
                question=text,
                workload=text,
                target={"kind": text, "base_url": text, "model": text},
                errors={text: 2},
                failures=[{"class": text, "detail": text, "count": 2}],
                valid=False,
                invalid_because=[text],
            )
        ],
        footer={"verdict": "NOT CONFORMANT", "because": text, "seconds": 1.0},
    )
