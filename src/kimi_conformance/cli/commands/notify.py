"""`kimi-conformance notify`: tells whoever should know what is wrong, once."""

import os
import time
from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.alerts import (
    Findings,
    GitHub,
    Step,
    decide,
    markdown,
    of_run,
    of_service,
    read_open,
    send_webhook,
    step,
    webhook_payload,
    write_open,
)
from kimi_conformance.alerts.sending import API
from kimi_conformance.cli.asking import completing, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.keeping.damage import damage_told
from kimi_conformance.cli.keeping.history_file import history_file
from kimi_conformance.cli.keeping.one_endpoint import bare, only_endpoint
from kimi_conformance.cli.keeping.run_folder import read_run
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.history.service_level import probed_objectives, service_level
from kimi_conformance.history.store import History
from kimi_conformance.history.window import DAY_S, Window, day_of
from kimi_conformance.slo import parse
from kimi_conformance.suite import Suite

__all__ = ["notify"]

STATE = Path("reports/alerts.json")


@command("notify --run reports/out/20260901-020000-nightly")
@click.option(
    "--run",
    "runs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    shell_complete=completing.runs,
    help="A night or a drift run to tell of. Repeatable.",
)
@history_file
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=30,
    show_default=True,
    metavar="N",
    help="How far back the history is looked at.",
)
@click.option(
    "--base-url",
    envvar="KIMI_BASE_URL",
    metavar="U",
    help="Tell of this endpoint only; also by KIMI_BASE_URL.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    default=STATE,
    show_default=True,
    help="Which alerts are open.",
)
@click.option(
    "--github",
    metavar="OWNER/NAME",
    help="Keep one issue there; the token is read from GITHUB_TOKEN.",
)
@click.option("--webhook", is_flag=True, help="Tell KIMI_WEBHOOK_URL, where there is news.")
@click.option(
    "--summary", type=click.Path(dir_okay=False, path_type=Path), help="Add Markdown to this file."
)
@click.option("--link", metavar="URL", help="Of the report, to be told with it.")
@options.json_file
def notify(
    runs: tuple[Path, ...],
    history: Path,
    days: int,
    base_url: str | None,
    state: Path,
    github: str | None,
    webhook: bool,
    summary: Path | None,
    link: str | None,
    json_file: str | None,
) -> int:
    """Tell what is wrong when it begins, and when it has ended.

    Alerts are read off the history (objectives, budgets, latency, probes) and off the runs that
    are named. One that nobody looked at stays as it was.

    Exit codes: 0 nothing is wrong, 1 something is, 3 it could not be told.
    """
    suite, now = suites.find(), time.time()
    tracker = _github(github) if github else None
    hook = _webhook() if webhook else None
    found = Findings()
    for run in runs:
        with damage_told(suite, run):
            found += of_run(read_run(run), now)
    if history.exists():
        found += _of_history(suite, history, days, base_url, now)
    elif not runs:
        raise UsageError(f"There is no history at {history}, and no run was named: say --run.")
    told = step(read_open(state), found)
    if tracker is not None:
        tracker.make(decide(tracker.rolling_issue(), told, link))
    if hook is not None and told.news:
        send_webhook(hook, webhook_payload(told, link))
    write_open(state, told.open)  # last: what could not be told is told the next time
    _print(told, summary, link, json_file)
    return 1 if told.open else 0


def _of_history(
    suite: Suite, history: Path, days: int, base_url: str | None, now: float
) -> Findings:
    window = Window(day_of(now - (days - 1) * DAY_S), day_of(now), now)
    with History(history) as opened:
        loads = opened.loads(window.start, window.end)
        probes = opened.probes(window.start, window.end)
    loads = [load for load in loads if load.kind == "live"]
    url = only_endpoint(
        [*(load.base_url for load in loads), *(probe.base_url for probe in probes)], base_url
    )
    loads = [load for load in loads if bare(load.base_url) == url]
    probes = [probe for probe in probes if bare(probe.base_url) == url]
    promised = probed_objectives(
        parse((suite.loadtests / "slo.toml").read_text("utf-8")).of("probe")
    )
    return of_service(service_level(window, loads, probes, promised), loads, now)


def _github(repository: str) -> GitHub:
    token = os.environ.get("GITHUB_TOKEN", "")
    if not token:
        raise UsageError("An issue needs a token that may write issues: set GITHUB_TOKEN.")
    return GitHub(repository, token, os.environ.get("GITHUB_API_URL", API))


def _webhook() -> str:
    url = os.environ.get("KIMI_WEBHOOK_URL", "")
    if not url:
        raise UsageError("A webhook needs its address: set KIMI_WEBHOOK_URL.")
    return url


def _print(told: Step, summary: Path | None, link: str | None, json_file: str | None) -> None:
    payload = webhook_payload(told, link)
    show.say(payload["text"], json_file)
    for alert in told.open:
        new = "new" if alert in told.begun else "open"
        show.say(f"  {new:<6} {alert.kind.value}: {alert.about}", json_file)
        show.say(f"  {'':<6} {alert.text}", json_file)
    for alert in told.ended:
        show.say(f"  ended  {alert.kind.value}: {alert.about}", json_file)
    show.answer(payload, json_file)
    if summary is not None:
        try:
            with summary.open("a", encoding="utf-8") as lines:
                lines.write(markdown(told, link))
        except OSError as error:
            raise RunError(f"Cannot write {summary}: {error.strerror}.") from error
