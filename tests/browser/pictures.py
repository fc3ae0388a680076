"""Takes the pictures in `docs/pictures` anew: `python -m tests.browser.pictures`.

Each shows the real demo, so they are taken again whenever its look changes.
"""

import asyncio
import sys
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page

from tests.browser.screen import PHONE, WIDE, chromium, demo, find_chromium

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
_PATIENCE_MS = 30_000

_EARLIER = (
    ("Ada", "How do I bind a forum?", "The bot is in our server and does nothing yet."),
    ("Cleo", "Where does docbot keep its data?", "I would like to back it up."),
)
_SHOWN = (
    "Ben",
    "Which permissions does the bot need?",
    "I would like to invite it to our server, and `Administrator` feels like too much.",
)
_QUERY = "add a source and read it again"


async def take(browser: Browser, url: str, folder: Path) -> None:
    """Post, search, and take the pictures: wide and narrow, light and dark."""
    for name, title, text in _EARLIER:
        await _post(await _opened(browser, url, WIDE, "light"), name, title, text)
    page = await _opened(browser, url, WIDE, "light")
    await _post(page, *_SHOWN)
    for width, size in (("desktop", WIDE), ("phone", PHONE)):
        for scheme in ("light", "dark"):
            seen = await _opened(browser, page.url, size, scheme)
            await seen.get_by_role("button", name="Helpful").wait_for()
            await _picture(seen, folder / f"demo-{width}-{scheme}.png")
    await page.get_by_label("Reply").press_sequentially("/search")
    await page.get_by_role("listbox", name="Suggestions").wait_for()
    await page.keyboard.press("Enter")
    await page.get_by_label("query").fill(_QUERY)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Next").click()
    await page.get_by_text("Results 6").wait_for()
    await _picture(page, folder / "search.png")


async def _opened(
    browser: Browser, url: str, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> Page:
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        has_touch=size == PHONE,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    await page.goto(url)
    await page.get_by_text("docbot is online").wait_for(state="attached")
    return page


async def _post(page: Page, name: str, title: str, text: str) -> None:
    await page.get_by_label("Acting as").select_option(label=name)
    await page.get_by_role("link", name="New post").click()
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("Details").fill(text)
    await page.get_by_role("button", name="Post", exact=True).click()
    await page.get_by_role("button", name="Helpful").wait_for()


async def _picture(page: Page, path: Path) -> None:
    await page.mouse.move(0, 0)  # nothing is pointed at
    await page.screenshot(path=path)


async def main() -> None:
    path = find_chromium()
    if path is None:
        sys.exit("no Chromium on this machine; install it (apt install chromium) and try again")
    FOLDER.mkdir(exist_ok=True)
    async with chromium(path) as browser, demo() as running:
        await take(browser, f"{running.url}/", FOLDER)


if __name__ == "__main__":
    asyncio.run(main())
