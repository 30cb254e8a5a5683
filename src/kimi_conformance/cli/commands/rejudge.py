"""`kimi-conformance rejudge`."""

from dataclasses import asdict
from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.keeping.damage import verify
from kimi_conformance.cli.keeping.run_folder import evidence_file, newest, read_run
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError
from kimi_conformance.slo import Objectives
from kimi_conformance.slo import parse as parse_objectives

__all__ = ["rejudge"]

MOST_SHOWN = 20  # of the differences, and of what was left, that people are told


@command("rejudge reports/out/20260901-020000-nightly")
@click.argument(
    "run",
    type=click.Path(path_type=Path),
    required=False,
    shell_complete=completing.runs,
)
@click.option(
    "--slo",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The objectives; loadtests/slo.toml otherwise.",
)
@options.baseline
@options.json_file
def rejudge(
    run: Path | None, slo: Path | None, baseline: Path | None, json_file: str | None
) -> int:
    """Judge a run's evidence again, by the laws, baselines and objectives of today.

    RUN is its folder or its run.jsonl; the newest below reports/out otherwise. Nothing is sent
    and the run stays as it is. Exit code 0: judged the same; 1: otherwise, and why; 3: what
    decides is not at hand.
    """
    from kimi_conformance.cli.checking.rejudging import rejudge as judge_again

    suite = suites.find()
    path = run or newest(Path("reports/out"))
    evidence = read_run(path)
    verify(evidence_file(path), suite)
    objectives = _objectives(slo or suite.loadtests / "slo.toml")
    found = judge_again(evidence, suite, evidence_file(path).parent, objectives, baseline)
    for difference in found.differences[:MOST_SHOWN]:
        whose = f" of {difference.sut}" if difference.sut else ""
        show.say(
            f"{difference.what} {difference.id}{whose}: was {difference.was}, is "
            f"{difference.now}, because {difference.because}",
            json_file,
        )
    if len(found.differences) > MOST_SHOWN:
        more = len(found.differences) - MOST_SHOWN
        show.say(f"… and {more} more differences; --json has all", json_file)
    for left in found.left[:MOST_SHOWN]:
        show.say(f"Not judged again: {left.what} {left.id}: {left.why}", json_file)
    if len(found.left) > MOST_SHOWN:
        show.say(f"… and {len(found.left) - MOST_SHOWN} more; --json has all", json_file)
    show.say(
        f"\nWas {found.was or 'cut short'}, is {found.verdict or 'as it was'}: {found.because}. "
        f"{found.exchanges:,} exchanges and {found.loads} loads were judged again; "
        f"{len(found.differences)} differences.",
        json_file,
    )
    show.answer(
        {"run": evidence.header.get("run"), **asdict(found), "exit_code": found.exit_code},
        json_file,
    )
    return found.exit_code


def _objectives(file: Path) -> Objectives:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"The objectives {file} cannot be read: {why}. Name a TOML file with --slo; "
            "loadtests/slo.toml shows one."
        ) from error
    return parse_objectives(text, file.name)
