"""What a bot can show and ask for in posts, channels and direct messages, as a visitor meets it."""

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import discord
import pytest
import pytest_asyncio
from discord import app_commands
from playwright.async_api import Browser, Page, expect

from docbot.playground.objects import Permission
from docbot.playground.page import page_routes
from docbot.playground.server import Playground
from tests.browser.conftest import Visit, visits
from tests.browser.screen import PHONE, WIDE
from tests.browser.test_demo import act_as, faults, messages, private, type_command
from tests.playground.conftest import Bot, connected, pointed_at
from tests.playground.test_interactions import Buttons, Call

pytestmark = [pytest.mark.check, pytest.mark.asyncio(loop_scope="package")]

LONG_LABEL = "Whether this label is wide enough to be wrapped on a telephone is what is seen here"


@dataclass(frozen=True)
class Stage:
    """A playground with its page and a bot that does what a test says."""

    playground: Playground
    bot: Bot
    visit: Visit

    async def channel(self) -> discord.TextChannel:
        found = self.bot.get_channel(self.playground.text.id)
        assert isinstance(found, discord.TextChannel)
        return found


@app_commands.command(name="search", description="Find pages")
async def search(interaction: Call, query: str) -> None:
    await interaction.response.send_message(f"Found {query}", ephemeral=True)


async def mark(interaction: Call, message: discord.Message) -> None:
    await interaction.response.send_message(f"Marked: {message.content}", ephemeral=True)


@pytest_asyncio.fixture(loop_scope="package")
async def stage(browser: Browser) -> AsyncIterator[Stage]:
    async with Playground.open(routes=page_routes) as playground:
        bot = Bot()
        bot.tree.add_command(search)
        bot.tree.add_command(app_commands.ContextMenu(name="Mark solution", callback=mark))
        with pointed_at(playground):
            async with connected(playground, bot), visits(browser, playground.url) as visit:
                await bot.tree.sync()
                yield Stage(playground, bot, visit)


async def go_to(page: Page, channel: str) -> None:
    await page.get_by_role("list", name="Channels").get_by_role("link", name=channel).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(channel)


async def test_a_channel_has_all_that_a_post_has(stage: Stage) -> None:
    ada, ben = await stage.visit(), await stage.visit()
    await act_as(ben, "Ben")
    await go_to(ada, "# general")
    await go_to(ben, "# general")
    await ben.get_by_label("Reply").press_sequentially("Hello.")
    await expect(ada.get_by_role("status").filter(has_text="Ben is typing")).to_be_visible()
    await ben.keyboard.press("Enter")
    await expect(messages(ada)).to_contain_text("Hello.")
    await (await stage.channel()).send("Well?", view=Buttons())
    await messages(ada).last.get_by_role("button", name="Why").click()
    await ada.get_by_label("What?").fill("Everything")
    await ada.get_by_role("button", name="Submit").click()
    await expect(private(ada)).to_contain_text("You said: Everything")
    await expect(private(ben)).to_have_count(0)
    await messages(ada).nth(1).get_by_role("combobox").select_option("Two")
    await expect(messages(ben).last).to_contain_text("picked ['2']")
    await messages(ada).nth(1).get_by_role("button", name="Update").click()
    await expect(messages(ben).nth(1)).to_contain_text("updated")
    await type_command(ada, "search")
    await ada.get_by_label("query").fill("retries")
    await ada.keyboard.press("Enter")
    await expect(private(ada).last).to_contain_text("Found retries")


async def test_a_command_of_a_messages_menu_is_run_from_any_message(stage: Stage) -> None:
    page = await stage.visit()
    await go_to(page, "# general")
    await stage.playground.members[1].send(stage.playground.text, "Use max_retries.")
    await messages(page).first.hover()
    await page.get_by_label("More for the message of Ben").click()
    await page.get_by_role("button", name="Mark solution").click()
    await expect(private(page)).to_contain_text("Marked: Use max_retries.")


async def test_the_staff_channel_is_shown_to_staff_and_follows_their_roles(stage: Stage) -> None:
    page = await stage.visit()
    channels = page.get_by_role("list", name="Channels").get_by_role("link")
    await expect(channels).to_have_text(["# general"])
    await act_as(page, "Hana")
    await expect(channels).to_have_text(["# general", "# staff"])
    await go_to(page, "# staff")
    await expect(page.locator("#post-facts")).to_have_text("For those who help")
    await stage.playground.moderator.send(stage.playground.staff, "Draft?")
    await expect(messages(page)).to_contain_text("Draft?")
    stage.playground.world.delete_role(stage.playground.town.helpers)
    await expect(channels).to_have_text(["# general"])
    await expect(page.get_by_text("This does not exist")).to_be_visible()


async def test_a_direct_message_is_announced_and_waits_in_the_list(stage: Stage) -> None:
    ada, ben = await stage.visit(), await stage.visit()
    await act_as(ben, "Ben")
    user = await stage.bot.fetch_user(stage.playground.members[0].id)
    await user.send("Your post was closed.")
    await expect(ada.get_by_role("alert")).to_contain_text("docbot sent you a direct message")
    entry = ada.get_by_role("list", name="Channels").get_by_role("link", name="@ docbot")
    await expect(entry).to_contain_text("new")
    await entry.click()
    await expect(messages(ada)).to_contain_text("Your post was closed.")
    await expect(entry).not_to_contain_text("new")
    await ada.get_by_label("Reply").fill("Thank you.")
    await ada.keyboard.press("Enter")
    assert (await stage.bot.next_message()).content == "Thank you."
    await expect(ben.get_by_role("list", name="Channels")).not_to_contain_text("docbot")


async def test_a_role_is_named_by_typing_and_those_who_have_it_see_so(stage: Stage) -> None:
    ada, hana = await stage.visit(), await stage.visit()
    await act_as(hana, "Hana")
    await go_to(ada, "# general")
    await go_to(hana, "# general")
    stage.playground.town.helpers.mentionable = True
    await ada.get_by_label("Reply").press_sequentially("@He")
    await expect(ada.get_by_role("listbox", name="Suggestions")).to_contain_text("@Helpers")
    await ada.keyboard.press("Enter")
    await ada.keyboard.type("please look")
    await ada.keyboard.press("Enter")
    await expect(messages(hana).locator(".mention")).to_have_text("@Helpers")
    await expect(messages(hana)).to_contain_text("mentions you")
    await expect(messages(ada)).not_to_contain_text("mentions you")
    stage.playground.world.delete_role(stage.playground.town.helpers)
    await expect(messages(ada).locator(".mention")).to_have_text("@deleted-role")


async def test_tags_are_shown_and_chosen_by_the_author(stage: Stage) -> None:
    playground = stage.playground
    playground.forum.tags[2].moderated = True
    page = await stage.visit()
    thread = await playground.members[0].post(playground.forum, "How?", "With what?", ["question"])
    await page.goto(f"{page.url}#/post/{thread.id}")
    await page.get_by_label("More for this post").click()
    await page.get_by_role("button", name="Tags").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("checkbox")).to_have_count(2)
    await dialog.get_by_label("question").uncheck()
    await dialog.get_by_label("bug").check()
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.locator("#post-facts .chip")).to_have_text(["bug"])
    await playground.moderator.tag(thread, "bug", "solved")
    await playground.moderator.lock(thread)
    await playground.moderator.archive(thread)
    await expect(page.locator("#post-facts .chip")).to_have_text(
        ["bug", "solved", "archived", "locked"]
    )
    await expect(page.get_by_placeholder("This post is locked")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_channels_files_and_long_buttons_have_names_contrast_and_room(
    stage: Stage, size: tuple[int, int], scheme: str
) -> None:
    playground, page = stage.playground, await stage.visit(size=size, scheme=scheme)
    playground.world.edit_role(playground.town.bot_role, Permission.ADMINISTRATOR)
    channel, person = await stage.channel(), await stage.bot.fetch_user(playground.members[0].id)
    await person.send("psst")
    await expect(page.get_by_role("alert")).to_contain_text("direct message")
    assert await faults(page) == []
    await go_to(page, "# general")
    view: discord.ui.View = discord.ui.View(timeout=None)
    for number, style in enumerate(
        (discord.ButtonStyle.primary, discord.ButtonStyle.success, discord.ButtonStyle.danger)
    ):
        label = LONG_LABEL[:80] if number == 0 else f"{LONG_LABEL[:70]} off"
        button: discord.ui.Button[Any] = discord.ui.Button(
            label=label, custom_id=str(number), style=style, disabled=number > 0
        )
        view.add_item(button)
    text = "def answer(): return " + "42 + " * 60 + "0\n" * 200
    file = discord.File(io.BytesIO(text.encode()), f"{'long_name_' * 9}.py")
    pinging = discord.AllowedMentions(users=True)
    await channel.send(f"<@{person.id}> see", view=view, file=file, allowed_mentions=pinging)
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator(".file pre")).to_contain_text("def answer()")
    assert await faults(page) == []
    await page.get_by_role("button", name="Hide").click()
    await expect(page.locator(".file pre")).to_be_hidden()
    await expect(page.get_by_role("button", name="off").first).to_be_disabled()
    await page.get_by_label("Reply").press_sequentially("@")
    await expect(page.get_by_role("listbox", name="Suggestions")).to_be_visible()
    assert await faults(page) == []
