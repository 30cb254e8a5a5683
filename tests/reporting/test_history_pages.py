"""The pages that are made from the history: hostile text does nothing, and a phone shows them."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.history.memories import (
    DAY,
    at,
    load,
    mean_of,
    outcome,
    past,
    probe,
    share,
)

from kimi_conformance.history.comparison import Comparison, Side, compare
from kimi_conformance.history.service_level import service_level
from kimi_conformance.history.trend import trend
from kimi_conformance.history.window import parse_window
from kimi_conformance.reporting.formats.printing import page, summary
from kimi_conformance.reporting.views.attained import attained
from kimi_conformance.reporting.views.compared import compared
from kimi_conformance.reporting.views.trended import trended
from kimi_conformance.verdicts import Verdict

EVIL = "<img src=x onerror=y>\x1b[2J\u202e</script>|`**a**`{{ 7*7 }}"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def comparison(text: str) -> Comparison:
    start = at("2026-07-01 02:00")
    before = past(
        f"a{text}",
        outcomes=(outcome(f"adapter/{text}"), outcome("adapter/b", "failed", reason=text)),
        loads=(load(start, share(990, 1000), mean_of(1.0)),),
    )
    after = past(
        f"b{text}",
        outcomes=(
            outcome(f"adapter/{text}", "failed", reason=text, requirement=text),
            outcome("adapter/b", "failed", reason=f"{text}!"),
            outcome("adapter/new", sut=text),
        ),
        loads=(load(start + DAY, share(900, 1000), mean_of(1.2)),),
    )
    sides = (Side(run=before, samples={}), Side(run=after, samples={}))
    return compare(*sides, lambda *_: [Verdict.PASSED] * 9)


def pages(text: str, templates: Path) -> Mapping[str, bytes]:
    start = at("2026-07-01 02:00")
    probes = [
        probe(start + 60 * n, "server" if n > 50 else "ok", model=text, detail=text)
        for n in range(60)
    ]
    nights = [
        load(start + n * DAY, share(999 - 99 * n, 1000, verdict="missed"), scenario=text)
        for n in range(3)
    ]
    window = parse_window("2026-07-01", "2026-08-02", at("2026-09-01 00:00"))
    level = attained(service_level(window, nights, probes, ()), f"Of {text}.")
    runs = [
        past(f"{n}{text}", started=start + n, loads=(load(start, share(9, 10, name=text)),))
        for n in range(3)
    ]
    return {
        "sla.html": page("sla.html.j2", templates, level),
        "sla.md": summary("sla.md.j2", templates, level),
        "compare.html": page("compare.html.j2", templates, compared(comparison(text))),
        "compare.md": summary("compare.md.j2", templates, compared(comparison(text))),
        "trend.html": page("trend.html.j2", templates, trended(trend(text, runs))),
    }


def test_hostile_text_is_shown_and_does_nothing(templates: Path) -> None:
    for name, content in pages(EVIL, templates).items():
        text = content.decode()
        assert "<img" not in text, name
        assert "\x1b" not in text, name
        assert "\u202e" not in text, name
        assert "onerror=y" in text, name
        if name.endswith("html"):
            assert "{{ 7*7 }}" in text, name
        else:
            assert "**a**" not in text, name
            assert "`" not in text, name


def test_a_comparison_names_what_is_worse(templates: Path) -> None:
    text = pages("plain", templates)["compare.md"].decode()

    assert text.startswith("# ❌ WORSE\n\n1 check newly failing; worse: success")
    assert "steady: never flipped in 9 runs" in text
    assert "| success&#95;rate (steady&#95;chat, kimi-k2) | 99 % | 90 % |" in text


def test_months_stand_side_by_side(templates: Path) -> None:
    text = pages("plain", templates)["sla.md"].decode()

    assert "| month | Jul 2026 | Aug 2026 |" in text
    assert "| Nights unknown | 28 | 2 |" in text
    assert "Unknown time is never counted as up." in text


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="the system has no Chromium")
@pytest.mark.parametrize("width", [390, 1280])
async def test_a_browser_shows_them_without_a_word(
    templates: Path, tmp_path: Path, width: int
) -> None:
    playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    said: list[str] = []
    widths = {}
    async with playwright.async_playwright() as engine:
        browser = await engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, content in pages(EVIL, templates).items():
            if name.endswith("html"):
                (tmp_path / name).write_bytes(content)
                shown = await browser.new_page(viewport={"width": width, "height": 800})
                shown.on("console", lambda message: said.append(message.text))
                shown.on("pageerror", lambda error: said.append(str(error)))
                await shown.goto((tmp_path / name).as_uri())
                widths[name] = await shown.evaluate("document.documentElement.scrollWidth")
        await browser.close()

    assert said == []
    assert set(widths.values()) == {width}
