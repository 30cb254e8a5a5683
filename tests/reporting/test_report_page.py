"""
The page in a browser: the system's Chromium, without a network.

Long because all of it looks at one page in one browser, which is set up here.
"""

import json
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tests.reporting.hostile import HOSTILE, hostile_run

from kimi_conformance.reporting import write_report
from kimi_conformance.reporting.views.beside import Beside
from kimi_conformance.reporting.views.history import Point
from kimi_conformance.reporting.views.recordings import Recorded
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Verdict

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="the system has no Chromium"),
]

Make = Callable[..., dict[str, Any]]


class Watched:
    """A page, and everything that it complained about or asked for."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.messages: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("dialog", lambda dialog: self.messages.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.requests.append(request.url))

    async def wider_than_window(self) -> int:
        """By how many pixels the page can be scrolled sideways."""
        return int(
            await self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    async def see_everything(self) -> None:
        """Unfold all of it and scroll through, so that every chart is drawn."""
        await self.page.evaluate(_SEE)


_SEE = """async () => {
  document.querySelectorAll("details").forEach((box) => { box.open = true; });
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
}"""


@pytest.fixture(scope="module")
def file(
    run: Run, catalogue: Catalogue, templates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return write_report(run, catalogue, folder, ["html"], template_folder=templates)["html"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> "AsyncIterator[Browser]":
    async with playwright.async_playwright() as engine:
        browser = await engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def watched(
    file: Path, browser: "Browser", request: pytest.FixtureRequest
) -> AsyncIterator[Watched]:
    page = await browser.new_page(**getattr(request, "param", DESK))
    page.set_default_timeout(10_000)
    watched = Watched(page)
    await page.goto(file.as_uri())
    yield watched
    await page.close()


async def shown(page: "Page", selector: str) -> int:
    return int(await page.locator(f"{selector}:visible").count())


async def test_the_page_is_silent_and_asks_for_nothing(watched: Watched, file: Path) -> None:
    await watched.see_everything()

    assert watched.messages == []
    assert [url for url in watched.requests if url not in {file.as_uri(), "data:,"}] == []


async def test_a_failure_opens_and_shows_its_exchange(watched: Watched) -> None:
    page = watched.page
    cause = page.locator("#cause-3")
    assert not await cause.locator(".exchange").first.is_visible()

    await cause.locator("summary").first.click()

    assert await cause.locator(".exchange").first.is_visible()
    assert "$KIMI_API_KEY" in await cause.locator(".curl pre").first.inner_text()


async def test_a_failure_opens_from_the_keyboard(watched: Watched) -> None:
    await watched.page.locator("#cause-1 > summary").focus()
    await watched.page.keyboard.press("Enter")

    assert await watched.page.locator("#cause-1").get_attribute("open") == ""


async def test_what_broke_is_named_in_the_first_window(watched: Watched) -> None:
    first = watched.page.locator(".first a").first
    box = await first.bounding_box()
    assert box is not None
    assert box["y"] < 400

    await first.click()

    await watched.page.locator("#cause-1[open]").wait_for()
    assert await watched.page.locator("#cause-1 .exchange").first.is_visible()


async def test_a_cell_of_the_matrix_leads_to_its_failure(watched: Watched) -> None:
    await watched.page.locator("#matrix td a[href='#cause-1']").first.click()

    await watched.page.locator("#cause-1[open]").wait_for()
    assert await watched.page.locator("#cause-1").get_attribute("open") == ""


async def test_a_requirement_of_the_matrix_opens_and_tells_its_source(watched: Watched) -> None:
    row = watched.page.locator("#matrix tbody tr", has_text="AUTH-01")

    await row.locator("summary").click()

    assert await row.get_by_text("Authentication guide, section 1").is_visible()


async def test_a_state_filters_causes_and_matrix(watched: Watched) -> None:
    page = watched.page
    assert await shown(page, ".cause") == 7

    await page.get_by_role("checkbox", name="inconclusive").check()

    assert await shown(page, ".cause") == 1
    assert await shown(page, "#matrix tbody tr") == 1
    assert await page.locator("#found").inner_text() == "2 of 37"


@pytest.mark.parametrize(
    ("pick", "option", "causes", "rows"),
    [
        ("Level", "SHOULD", 2, 3),
        ("Topic", "streaming", 2, 6),
        ("System under test", "openai", 3, 19),
    ],
)
async def test_level_topic_and_system_filter(
    watched: Watched, pick: str, option: str, causes: int, rows: int
) -> None:
    await watched.page.get_by_label(pick, exact=True).select_option(label=option)

    assert await shown(watched.page, ".cause") == causes
    assert await shown(watched.page, "#matrix tbody tr") == rows


async def test_a_state_is_asked_of_the_system_that_was_picked(watched: Watched) -> None:
    page = watched.page

    await page.get_by_label("System under test").select_option(label="reference")
    await page.get_by_role("checkbox", name="failed", exact=True).check()

    assert await shown(page, ".cause") == 0  # the failures are the other adapter's
    assert await page.get_by_text("Nothing fits this filter.").is_visible()

    await page.get_by_role("button", name="Show everything").click()

    assert await shown(page, ".cause") == 7


async def test_the_search_finds_text_in_bodies(watched: Watched) -> None:
    page = watched.page

    await page.keyboard.press("/")
    await page.keyboard.type("gpt-4o")
    await playwright.expect(page.locator("#found")).to_have_text("1 of 37")

    assert await shown(page, ".cause") == 1
    assert await page.locator(".cause:visible .id").first.inner_text() == "FILTER-03"

    await page.keyboard.press("Escape")
    await playwright.expect(page.locator("#found")).to_have_text("")

    assert await shown(page, ".cause") == 7


async def test_all_can_be_unfolded_and_folded(watched: Watched) -> None:
    page = watched.page

    await page.get_by_role("button", name="Unfold all").click()
    assert await page.locator(".topic[open], .cause[open]").count() == 13

    await page.get_by_role("button", name="Fold all", exact=True).click()
    assert await page.locator(".topic[open], .cause[open]").count() == 0


async def test_the_first_key_leads_past_the_navigation(watched: Watched) -> None:
    await watched.page.keyboard.press("Tab")
    await watched.page.keyboard.press("Enter")

    assert await watched.page.evaluate("document.activeElement.id") == "main"


async def test_a_chart_is_read_with_a_pointer(watched: Watched) -> None:
    chart = watched.page.locator("figure.chart", has_text="Response time").first
    await chart.scroll_into_view_if_needed()
    await chart.locator("canvas").wait_for()
    assert not await chart.locator("svg.plot").is_visible()

    await chart.locator(".u-over").hover(position={"x": 4, "y": 60})

    assert await chart.locator(".where").inner_text() == "0 s"
    assert await chart.locator(".now").first.inner_text() == "1.20 s"


async def test_a_drawn_chart_has_the_words_of_its_picture(watched: Watched) -> None:
    await watched.see_everything()

    pairs = await watched.page.evaluate(
        "[...document.querySelectorAll('figure.chart')].map((one) => "
        "[one.querySelector('.plot').ariaLabel, one.querySelector('.drawn').ariaLabel])"
    )

    assert len(pairs) == 13
    assert all(drawn == words and words for words, drawn in pairs)


@pytest.mark.parametrize("watched", [PHONE, DESK], indirect=True, ids=["phone", "desk"])
async def test_nothing_is_wider_than_the_window(watched: Watched) -> None:
    await watched.see_everything()

    assert await watched.wider_than_window() <= 0


@pytest.mark.parametrize("watched", [{"java_script_enabled": False}], indirect=True)
async def test_the_page_is_whole_without_its_script(watched: Watched) -> None:
    page = watched.page
    assert not await page.locator(".toolbar").is_visible()
    assert not await page.locator("#scheme").is_visible()
    assert await shown(page, "svg.plot") == 13

    await page.locator("#cause-3 > summary").click()

    assert await page.locator("#cause-3 .exchange").first.is_visible()


@pytest.mark.parametrize(
    ("watched", "other"),
    [({"color_scheme": "light"}, "Dark"), ({"color_scheme": "dark"}, "Light")],
    indirect=["watched"],
)
async def test_light_and_dark_follow_the_system_until_switched(
    watched: Watched, other: str
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(247, 247, 245)", "rgb(19, 20, 23)"
    before = light if other == "Dark" else dark
    assert await watched.page.evaluate(ground) == before

    await watched.page.get_by_role("button", name=other, exact=True).click()

    assert await watched.page.evaluate(ground) == ({light, dark} - {before}).pop()
    assert watched.messages == []


async def test_it_prints_unfolded_in_light_with_its_charts(watched: Watched) -> None:
    page = watched.page
    await page.locator("#service").scroll_into_view_if_needed()
    opened = await page.locator("details[open]").count()

    printed = await page.pdf(format="A4")
    await page.emulate_media(media="print", color_scheme="dark")

    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") > 3
    assert await page.locator("details[open]").count() == opened  # as it was before
    assert await shown(page, "svg.plot") == 13
    assert await shown(page, ":is(canvas, nav, .toolbar, #scheme)") == 0
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_neither_runs_nor_breaks_the_page(
    text: str,
    run: Run,
    catalogue: Catalogue,
    exchange: Make,
    load_record: Make,
    templates: Path,
    tmp_path: Path,
    browser: "Browser",
) -> None:
    hostile = hostile_run(run, exchange, load_record, text * 20)
    files = write_report(hostile, catalogue, tmp_path, ["html"], template_folder=templates)
    watched = Watched(await browser.new_page(**PHONE))
    await watched.page.goto(files["html"].as_uri())
    await watched.see_everything()

    assert watched.messages == []
    assert len([url for url in watched.requests if url != "data:,"]) == 1
    assert await watched.wider_than_window() <= 0
    assert await watched.page.locator("h1").inner_text() == "NOT CONFORMANT"
    await watched.page.close()


async def test_everything_beside_a_run_fits_on_a_phone(
    run: Run,
    catalogue: Catalogue,
    load_record: Make,
    templates: Path,
    tmp_path: Path,
    browser: "Browser",
) -> None:
    models = [{"kind": "live", "base_url": "https://a", "model": name} for name in ("k2.6", "k3")]
    earlier = replace(run, checks=[replace(one, verdict=Verdict.PASSED) for one in run.checks])
    points = tuple(
        Point(
            run=f"2026112{day}-080000-nightly",
            started=f"2026-11-2{day}T08:00:00+00:00",
            verdict="CONFORMANT",
            passed=130 + day,
            failed=0,
            declared=138,
        )
        for day in range(5)
    )
    files = write_report(
        replace(run, loads=[load_record(target=target) for target in models]),
        catalogue,
        tmp_path,
        ["html"],
        template_folder=templates,
        beside=Beside(
            earlier=earlier,
            history=points,
            killers={"SSE-04": ("fault:no_finish_reason",)},
            recordings=(Recorded("simulator", "2026-11-01"),),
        ),
    )
    watched = Watched(await browser.new_page(**PHONE))
    await watched.page.goto(files["html"].as_uri())
    await watched.see_everything()

    assert watched.messages == []
    assert await watched.wider_than_window() <= 0
    for section in ("changes", "models", "trend", "proof"):
        assert await watched.page.locator(f"#{section}").is_visible()
    assert await shown(watched.page, "#cause-3 .origin code") == 1
    await watched.page.close()


async def test_bodies_of_five_megabytes_are_folded_and_the_page_stays_quick(
    run: Run,
    catalogue: Catalogue,
    exchange: Make,
    templates: Path,
    tmp_path: Path,
    browser: "Browser",
) -> None:
    big = exchange("x2", sut="endpoint", body="x" * 5_000_000, answer="\ud800\u202e" * 2_500_000)
    files = write_report(
        replace(run, exchanges={"x2": big}),
        catalogue,
        tmp_path,
        ["html"],
        template_folder=templates,
    )
    watched = Watched(await browser.new_page(**PHONE))
    await watched.page.goto(files["html"].as_uri())
    await watched.page.locator("#cause-3 > summary").click()

    assert await shown(watched.page, "#cause-3 .body pre") == 0
    assert await shown(watched.page, "#cause-3 .body > summary") == 2
    assert await watched.wider_than_window() <= 0
    assert watched.messages == []
    await watched.page.close()


_CONTRAST = """() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const light = ({ r, g, b }) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (let box = node; box; box = box.parentElement) {
      const colour = parse(getComputedStyle(box).backgroundColor);
      if (colour.a > 0) return colour;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const weak = [];
  for (const node of document.querySelectorAll("main *, header *")) {
    const words = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!words || !node.checkVisibility() || node.closest("svg, .sr")) continue;
    const [one, two] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) weak.push(`${node.className}: ${node.textContent.slice(0, 20)}: ${ratio}`);
  }
  return weak;
}"""


@pytest.mark.parametrize(
    "watched", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True
)
async def test_text_stands_out_from_its_ground(watched: Watched) -> None:
    await watched.page.get_by_role("button", name="Unfold all").click()

    assert await watched.page.evaluate(_CONTRAST) == []


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, fetched by npm by its name."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: axe-core cannot be fetched")
    folder = tmp_path_factory.mktemp("axe")
    try:
        done = subprocess.run(
            [npm, "pack", "axe-core@4", "--json", "--silent"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm found no axe-core within a minute")
    if done.returncode:
        pytest.skip(f"npm found no axe-core: {done.stderr.strip()[:200]}")
    with tarfile.open(folder / json.loads(done.stdout)[0]["filename"]) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


@pytest.mark.parametrize(
    "watched",
    [{**DESK, "color_scheme": "light"}, {**PHONE, "color_scheme": "dark"}],
    indirect=True,
    ids=["desk", "phone"],
)
async def test_axe_finds_nothing(watched: Watched, axe: str) -> None:
    await watched.page.get_by_role("button", name="Unfold all").click()
    await watched.page.evaluate(axe)

    found = await watched.page.evaluate("axe.run()")

    assert {
        violation["id"]: [node["html"][:200] for node in violation["nodes"][:3]]
        for violation in found["violations"]
    } == {}
