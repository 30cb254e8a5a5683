"""`kimi-conformance doctor`."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click

from kimi_conformance.cli.asking import options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.health import (
    clients,
    content,
    live,
    machine,
    network,
    plugins,
    python,
    settings,
    trial,
)
from kimi_conformance.cli.health.finding import Finding, Health, broken
from kimi_conformance.cli.showing import show
from kimi_conformance.cli.showing.wrapping import wrapped
from kimi_conformance.wire.erasing import erase

__all__ = ["doctor"]

Look = Callable[[], Iterator[Finding]]
_INDENT = " " * 22


@command("doctor --live")
@click.option("--live", "ask", is_flag=True, help="Also send GET /models to the endpoint, once.")
@options.out
@options.json_file
def doctor(ask: bool, out: Path, json_file: str | None) -> int:
    """Find out what is wrong with this installation, and say how to mend it.

    Nothing is changed, and nothing is sent unless --live is given. The key is never shown.

    Exit codes: 0 all is well, or there are only hints; 1 something is broken.
    """
    looks = dict(_looks(out))
    if ask:
        looks["live"] = lambda: _live(json_file)
    found = []
    for part, look in looks.items():
        for raw in _safely(part, look):
            finding = _harmless(raw)
            found.append(finding)
            click.echo("\n".join(_lines(finding)), err=json_file == "-")
    counts = {health: sum(each.health is health for each in found) for health in Health}
    click.echo(f"\n{_summary(counts)}", err=json_file == "-")
    show.answer(
        {
            "well": not counts[Health.BROKEN],
            "counts": {health.value: count for health, count in counts.items()},
            "findings": [asdict(each) for each in found],
        },
        json_file,
    )
    return 1 if counts[Health.BROKEN] else 0


def _looks(out: Path) -> Mapping[str, Look]:
    """What is looked at, in this order; what takes long comes last."""
    return {
        "Python": lambda: python.findings(python.observe()),
        "package": lambda: plugins.copy_findings(plugins.observe_copies()),
        "plugin": lambda: plugins.plugin_findings(plugins.observe_plugins()),
        "content": lambda: content.findings(content.observe()),
        "reports": lambda: machine.disk_findings(machine.observe_disk(out)),
        "open files": lambda: machine.file_findings(*machine.observe_files()),
        "clock": lambda: machine.clock_findings(machine.observe_clock()),
        "loopback": lambda: network.findings(network.observe()),
        "proxies": lambda: network.proxy_findings(network.observe_proxies(), os.environ),
        "settings": lambda: settings.findings(settings.observe()),
        "clients": lambda: clients.findings(clients.observe(named="KIMI_CLIENTS" in os.environ)),
        "Chromium": lambda: clients.browser_findings(clients.observe_browser()),
        "your pytest": lambda: trial.own_findings(trial.observe_own()),
        "trial": lambda: trial.findings(trial.observe()),
    }


def _live(json_file: str | None) -> Iterator[Finding]:
    """Ask the endpoint, unless what was set cannot be sent."""
    from kimi_conformance.cli.asking.target import DEFAULT_BASE_URL

    key, url = os.environ.get("KIMI_API_KEY"), os.environ.get("KIMI_BASE_URL")
    told = [*settings.key_findings(key), *settings.url_findings(url)]
    if not key or any(each.health is Health.BROKEN for each in told):
        yield broken(
            "live",
            "nothing was sent: there is no key, or what was set is wrong",
            "Whether the endpoint can be judged is not known.",
            "Set KIMI_API_KEY, and KIMI_BASE_URL unless it is https://api.moonshot.cn/v1",
        )
        return
    address = (url or DEFAULT_BASE_URL).rstrip("/")
    shown = settings.shown(address)
    click.echo(f"Sending GET {shown}/models, once.", err=json_file == "-")
    yield from live.findings(replace(live.observe(address, key), url=shown))


def _safely(part: str, look: Look) -> Iterator[Finding]:
    """The findings of a part; what it raises is one."""
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001 - in a broken installation anything may be raised
        yield broken(
            part,
            f"cannot be looked at: {type(error).__name__}: {error}",
            "Something of the installation is missing or damaged; what is said above may tell.",
            "pip install --force-reinstall kimi-conformance",
        )


def _harmless(finding: Finding) -> Finding:
    """The same without the key, and without what steers a terminal: others have worded it."""
    key = os.environ.get("KIMI_API_KEY", "").strip()
    return replace(
        finding,
        text=_plain(finding.text, key),
        means=_plain(finding.means, key),
        mend=_plain(finding.mend, key),
    )


def _plain(text: str, key: str) -> str:
    if len(key) > 3:  # a shorter one is no key, and stands in many a word
        text = erase(text.encode("utf-8", "replace"), [key]).decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _lines(finding: Finding) -> Sequence[str]:
    """A finding for people: what was seen, what it means, and on a line of its own what to type."""
    head = f"{finding.health.value:<7} {finding.part:<13} "
    lines = [*wrapped(finding.text, head, _INDENT)]
    if finding.means:
        lines += wrapped(finding.means, _INDENT, _INDENT)
    if finding.mend:
        lines.append(f"{_INDENT}→ {finding.mend}")
    return lines


def _summary(counts: Mapping[Health, int]) -> str:
    bad, hints = counts[Health.BROKEN], counts[Health.HINT]
    told = f"{hints} hint{'s' * (hints != 1)}"
    if bad:
        return f"{bad} broken, {told}: mend what is broken, from the top."
    return f"All is well, {told}." if hints else "All is well."
