"""The demo as a visitor meets it: Chromium, the page, the real bot and its own Postgres."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.conftest import Visit
from tests.browser.screen import PHONE, WIDE, Demo

pytestmark = [pytest.mark.check, pytest.mark.asyncio(loop_scope="package")]

QUESTION = "Which permissions does the bot need?"
CONTRAST = Path(__file__).with_name("contrast.js").read_text()
# What a screen reader says by its name alone.
_NAMED = {
    *("button", "link", "textbox", "combobox", "checkbox", "spinbutton", "listbox", "option"),
    *("DisclosureTriangle", "navigation", "log", "dialog", "image"),
}


async def post(page: Page, title: str = QUESTION, text: str = "For our server.") -> None:
    await page.get_by_role("link", name="New post").click()
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("Details").fill(text)
    await page.get_by_role("button", name="Post", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)


def messages(page: Page) -> Locator:
    return page.get_by_role("log").get_by_role("article")


def answers(page: Page) -> Locator:
    return messages(page).filter(has=page.get_by_role("button", name="Helpful"))


def private(page: Page) -> Locator:
    return messages(page).filter(has_text="Only you can see this")


def suggestions(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option")


async def type_command(page: Page, name: str) -> None:
    """Open the form of a command as fingers do: `/`, some letters, Enter."""
    reply = page.get_by_label("Reply")
    # The form of the command before goes once it is answered; its reply may be read earlier.
    await expect(reply).to_be_visible()
    await reply.press_sequentially(f"/{name[:3]}")
    await expect(suggestions(page).first).to_contain_text(f"/{name}")
    await page.keyboard.press("Enter")


async def act_as(page: Page, name: str) -> None:
    choice = page.get_by_label("Acting as")
    label = await choice.locator("option", has_text=name).text_content()
    await choice.select_option(label=label)
    await page.wait_for_function(
        "(name) => document.querySelector('#acting').selectedOptions[0].text === name", arg=label
    )


async def test_a_post_is_answered_with_sources_that_open_and_without_raw_markdown(
    visit: Visit,
) -> None:
    page = await visit()
    await post(page)
    await expect(answers(page)).to_have_count(1)
    shown = await answers(page).locator(".body").inner_text()
    assert "View Channels" in shown
    assert "**" not in shown
    assert "](" not in shown
    assert "```" not in shown
    source = answers(page).get_by_role("link").first
    async with page.context.expect_page() as opening:
        await source.click()
    opened = await opening.value
    await expect(opened.get_by_role("heading", name="Which permissions")).to_be_in_viewport()
    await expect(page.get_by_role("navigation")).to_contain_text("1 reply")


async def test_a_vote_is_thanked_for_where_only_the_voter_sees_it(visit: Visit) -> None:
    ada, ben = await visit(), await visit()
    await act_as(ben, "Ben")
    await post(ada)
    await ben.goto(ada.url)
    await expect(answers(ben)).to_have_count(1)
    await answers(ada).get_by_role("button", name="Helpful").click()
    await expect(private(ada)).to_contain_text("Thank you, noted as helpful")
    await ada.get_by_label("Reply").fill("It works.")
    await ada.keyboard.press("Enter")
    await expect(messages(ben).last).to_contain_text("It works.")
    await expect(private(ben)).to_have_count(0)
    await private(ada).get_by_role("button", name="Dismiss").click()
    await expect(private(ada)).to_have_count(0)


async def test_others_see_that_somebody_types(visit: Visit) -> None:
    ada, ben = await visit(), await visit()
    await act_as(ben, "Ben")
    await post(ada)
    await ben.goto(ada.url)
    await expect(answers(ben)).to_have_count(1)
    await ben.get_by_label("Reply").press_sequentially("We")
    await expect(ada.get_by_role("status").filter(has_text="Ben is typing")).to_be_visible()


async def test_a_mention_is_answered_too(visit: Visit) -> None:
    page = await visit()
    await post(page)
    await expect(answers(page)).to_have_count(1)
    await page.get_by_role("button", name="Mention docbot").click()
    await page.keyboard.type("how do I bind a forum?")
    await page.keyboard.press("Enter")
    await expect(messages(page)).to_have_count(4)
    await expect(messages(page).last).to_contain_text("Sources")
    await expect(answers(page)).to_have_count(1)  # the buttons of a thread are on its first answer
    await expect(messages(page).nth(2).locator(".mention")).to_have_text("@docbot")


async def test_search_is_turned_page_by_page_with_the_keyboard(visit: Visit) -> None:
    page = await visit()
    await post(page)
    await expect(answers(page)).to_have_count(1)
    await type_command(page, "search")
    await expect(page.get_by_label("query")).to_be_focused()
    await page.keyboard.type("how do I bind a forum to a source")
    await page.keyboard.press("Enter")
    found = private(page)
    await expect(found).to_contain_text("Results 1–5 of")
    await expect(found.get_by_role("listitem")).to_have_count(5)
    await expect(found.get_by_role("button", name="Previous")).to_be_disabled()
    await expect(page.get_by_label("Reply")).to_be_focused()
    await found.get_by_role("button", name="Next").focus()
    await page.keyboard.press("Enter")
    await expect(found).to_contain_text("Results 6–10 of")
    await expect(found.get_by_role("list")).to_have_attribute("start", "6")
    await expect(found.get_by_role("button", name="Next")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(found).to_contain_text("Results 1–5 of")


async def test_the_settings_are_reloaded_by_the_administrator_alone(
    visit: Visit, served: Demo
) -> None:
    page, settings = await visit(), served.folder / ".env"
    await post(page)
    await type_command(page, "reload-config")
    await expect(page.get_by_role("alert")).to_contain_text("choose Olga")
    await expect(page.get_by_label("Acting as")).to_be_focused()
    await act_as(page, "Olga")
    for written, reply in (
        ("", "Nothing changed."),
        ("DOCBOT_LOG_LEVEL=loud\n", "Nothing was applied: DOCBOT_LOG_LEVEL"),
        ("DOCBOT_LOG_LEVEL=debug\n", "Applied: DOCBOT_LOG_LEVEL."),
        ("", "Applied: DOCBOT_LOG_LEVEL."),
    ):
        settings.write_text(written)
        await type_command(page, "reload-config")
        await page.get_by_role("button", name="Run").press("Enter")
        await expect(private(page)).to_contain_text(f"Olga used /reload-config{reply}")
        await private(page).get_by_role("button", name="Dismiss").click()
        await expect(private(page)).to_have_count(0)


async def test_who_is_chosen_while_the_state_is_awaited_stays_chosen(visit: Visit) -> None:
    page = await visit()
    held, asked = asyncio.Event(), asyncio.Event()

    async def hold_the_first(route: Route) -> None:
        is_first = not asked.is_set()
        asked.set()
        if is_first:
            response = await route.fetch()
            await held.wait()
            await route.fulfill(response=response)
        else:
            await route.continue_()

    await page.route("**/api/page/state?*", hold_the_first)
    await act_as(page, "Ben")
    await asked.wait()
    await act_as(page, "Olga")
    await page.get_by_text("docbot is online").wait_for(state="attached")
    async with page.expect_response("**/api/page/state?*"):
        held.set()
    await post(page)
    await expect(page.get_by_label("Acting as").locator("option:checked")).to_contain_text("Olga")
    await expect(messages(page).first).to_contain_text("Olga")


async def test_a_reload_of_the_page_keeps_what_was_there(visit: Visit) -> None:
    page = await visit()
    await post(page)
    await answers(page).get_by_role("button", name="Not right").click()
    await expect(private(page)).to_contain_text("noted as not right")
    before = await messages(page).all_inner_texts()
    await page.reload()
    await expect(private(page)).to_have_count(1)
    assert await messages(page).all_inner_texts() == before


async def test_what_members_write_is_shown_and_never_run(visit: Visit) -> None:
    page = await visit()
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    await post(page, hostile, f"{hostile}\n[press](javascript:alert(3)) **bold**")
    await expect(messages(page).first).to_contain_text(hostile)
    await expect(messages(page).first.locator("strong")).to_have_text("bold")
    assert await page.locator("main :is(script, img, a[href^=javascript])").count() == 0


async def test_everything_can_be_done_and_left_by_keys(visit: Visit) -> None:
    page = await visit()
    await post(page)
    await expect(answers(page)).to_have_count(1)
    await page.get_by_role("link", name="Skip to the content").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await expect(page.get_by_role("heading", level=1)).to_have_text(QUESTION)
    reply = page.get_by_label("Reply")
    await reply.press_sequentially("/")
    await expect(page.get_by_role("listbox")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("listbox")).to_be_hidden()
    await expect(reply).to_have_value("/")
    await reply.press_sequentially("sea")
    await expect(suggestions(page)).to_have_count(1)  # the letters before offered more
    await expect(suggestions(page)).to_contain_text("/search query [source] [limit]")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("query")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(reply).to_be_focused()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    for name in ("Mention docbot", "Commands", "Send"):
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name=name)).to_be_focused()
        assert await page.evaluate(outline) == "solid"


async def unnamed(page: Page) -> list[str]:
    """What Chromium's own accessibility tree has no name for."""
    session = await page.context.new_cdp_session(page)
    tree = await session.send("Accessibility.getFullAXTree")
    await session.detach()
    return [
        f"{node['role']['value']} {node.get('properties')}"
        for node in tree["nodes"]
        if not node["ignored"]
        and node["role"]["value"] in _NAMED
        and not node.get("name", {}).get("value")
    ]


async def faults(page: Page) -> list[str]:
    """What somebody with other eyes, keys or a narrow screen would stumble over."""
    twice = "ids => ids.filter((id, index) => ids.indexOf(id) !== index)"
    ids = await page.eval_on_selector_all("[id]", "all => all.map(({ id }) => id)")
    wide = (
        "[...document.querySelectorAll('html, main, .sidebar, .messages, .composer')]"
        ".filter(each => each.scrollWidth > each.clientWidth).map(each => each.className || each.tagName)"
    )
    return [
        *(f"no name: {each}" for each in await unnamed(page)),
        *(f"pale: {each}" for each in await page.evaluate(CONTRAST)),
        *(f"id twice: {each}" for each in await page.evaluate(twice, ids)),
        *(f"wider than the screen: {each}" for each in await page.evaluate(wide)),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_every_view_has_names_contrast_and_no_sideways_scrolling(
    visit: Visit, size: tuple[int, int], scheme: str
) -> None:
    page = await visit(size=size, scheme=scheme)
    assert await faults(page) == []
    await page.goto(f"{page.url}#/new")
    await page.get_by_role("checkbox", name="question").check()
    assert await faults(page) == []
    await page.get_by_label("Title").fill("W" * 100)
    code = "```python\n" + "a_long_line = 1; " * 20 + "\n```"
    await page.get_by_label("Details").fill(
        f"{'x' * 300}\n{code}\n> zqxv `vkjw` ||hjkqz||\n- zzyxw"
    )
    await page.get_by_role("button", name="Post", exact=True).click()
    await expect(messages(page)).to_have_count(1)
    assert await faults(page) == []
    await page.goto(f"{page.url.partition('#')[0]}#/new")
    await page.get_by_label("Title").fill(QUESTION)
    await page.get_by_label("Details").fill("In our server.")
    await page.get_by_role("button", name="Post", exact=True).click()
    await answers(page).get_by_role("button", name="Helpful").click()
    await expect(private(page)).to_have_count(1)
    assert await faults(page) == []
    await page.get_by_label("Reply").press_sequentially("/")
    await expect(suggestions(page).first).to_be_visible()
    assert await faults(page) == []
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("query")).to_be_focused()
    assert await faults(page) == []
    await page.keyboard.type("settings of a forum")
    await page.keyboard.press("Enter")
    await expect(private(page).last).to_contain_text(re.compile("Results 1–5"))
    assert await faults(page) == []
    await page.goto(f"{page.url.partition('#')[0]}#/post/123")
    await expect(page.get_by_text("This does not exist")).to_be_visible()
    assert await faults(page) == []


async def test_nothing_jumps_while_the_page_and_an_answer_come(visit: Visit) -> None:
    page = await visit()
    await page.add_init_script(
        """window.moved = [];
        new PerformanceObserver((list) => moved.push(...list.getEntries()))
          .observe({ type: "layout-shift", buffered: true });"""
    )
    await page.reload()
    await post(page)
    await expect(answers(page)).to_have_count(1)
    # Chromium tells of shifts once the frame is painted.
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    moved = await page.evaluate(
        "moved.filter((each) => !each.hadRecentInput).reduce((sum, each) => sum + each.value, 0)"
    )
    assert moved < 0.1  # what counts as good; a heading that wraps anew is 0.02
