"""The page in a browser: the system's Chromium, without a network."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kimi_conformance.reporting import write_report
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run

if TYPE_CHECKING:
    from playwright.async_api import Page

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

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="the system has no Chromium"),
]


class Watched:
    """A page, and everything that it complained about or asked for."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.messages: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))


@pytest.fixture(scope="module")
def file(
    run: Run, catalogue: Catalogue, templates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return write_report(run, catalogue, folder, ["html"], template_folder=templates)["html"]


@pytest.fixture
async def watched(file: Path, request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    options = getattr(request, "param", {"viewport": {"width": 1280, "height": 900}})
    async with playwright.async_playwright() as engine:
        browser = await engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(**options)
        watched = Watched(page)
        await page.goto(file.as_uri())
        yield watched
        await browser.close()


async def shown(page: "Page", selector: str) -> int:
    return int(await page.locator(f"{selector}:visible").count())


async def test_the_page_is_silent_and_asks_for_nothing(watched: Watched, file: Path) -> None:
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


async def test_a_cell_of_the_matrix_leads_to_its_failure(watched: Watched) -> None:
    await watched.page.locator("#matrix td a[href='#cause-1']").first.click()

    await watched.page.locator("#cause-1[open]").wait_for()
    assert await watched.page.locator("#cause-1").get_attribute("open") == ""


async def test_a_state_filters_causes_and_matrix(watched: Watched) -> None:
    page = watched.page
    assert await shown(page, ".cause") == 7

    await page.get_by_role("checkbox", name="inconclusive").check()

    assert await shown(page, ".cause") == 1
    assert await shown(page, "#matrix tbody tr") == 1
    assert await page.locator("#found").inner_text() == "2 of 37"


async def test_the_search_finds_text_in_bodies(watched: Watched) -> None:
    page = watched.page

    await page.get_by_role("searchbox").fill("gpt-4o")
    await playwright.expect(page.locator("#found")).to_have_text("1 of 37")

    assert await shown(page, ".cause") == 1
    assert await page.locator(".cause:visible .id").first.inner_text() == "FILTER-03"

    await page.get_by_role("searchbox").fill("")
    await playwright.expect(page.locator("#found")).to_have_text("")

    assert await shown(page, ".cause") == 7


async def test_all_can_be_unfolded_and_folded(watched: Watched) -> None:
    page = watched.page

    await page.get_by_role("button", name="Unfold all").click()
    assert await page.locator(".topic[open], .cause[open]").count() == 13

    await page.get_by_role("button", name="Fold all", exact=True).click()
    assert await page.locator(".topic[open], .cause[open]").count() == 0


@pytest.mark.parametrize(
    "watched",
    [{"viewport": {"width": 390, "height": 844}}, {"viewport": {"width": 1280, "height": 900}}],
    indirect=True,
    ids=["phone", "desk"],
)
async def test_nothing_is_wider_than_the_window(watched: Watched) -> None:
    await watched.page.get_by_role("button", name="Unfold all").click()

    wide, window = await watched.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )

    assert wide <= window


@pytest.mark.parametrize("watched", [{"java_script_enabled": False}], indirect=True)
async def test_the_page_is_whole_without_its_script(watched: Watched) -> None:
    page = watched.page
    assert not await page.locator(".toolbar").is_visible()

    await page.locator("#cause-3 > summary").click()

    assert await page.locator("#cause-3 .exchange").first.is_visible()


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
