import asyncio
import io
import re
from collections.abc import Awaitable, Callable
from typing import Any

import discord
import pytest
from discord import app_commands

from docbot.playground.faults import CALLBACK
from docbot.playground.interactions import Callback
from docbot.playground.objects import DiscordError, MessageFlag, Permission
from docbot.playground.server import Playground
from docbot.playground.world import Clock
from tests.playground.conftest import Bot
from tests.playground.test_rest import text_channel

Call = discord.Interaction[Any]


class Vote(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"vote:(?P<id>\d+)"):
    """A button that a bot knows again after a restart, by its custom id alone."""

    def __init__(self, number: int) -> None:
        super().__init__(discord.ui.Button(label="Helpful", custom_id=f"vote:{number}"))
        self.number = number

    @classmethod
    async def from_custom_id(
        cls, interaction: Call, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "Vote":
        return cls(int(match["id"]))

    async def callback(self, interaction: Call) -> None:
        await interaction.response.send_message(f"Noted {self.number}.", ephemeral=True)


class Reason(discord.ui.Modal, title="What was wrong?"):
    what: discord.ui.TextInput[Any] = discord.ui.TextInput(label="What?", max_length=200)

    async def on_submit(self, interaction: Call) -> None:
        await interaction.response.send_message(f"You said: {self.what.value}", ephemeral=True)


class Buttons(discord.ui.View):
    """Every way in which a press can be answered."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Update", custom_id="update")
    async def update(self, interaction: Call, _button: discord.ui.Button[Any]) -> None:
        await interaction.response.edit_message(content="updated", view=None)

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: Call, _button: discord.ui.Button[Any]) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="updated later")

    @discord.ui.button(label="Why", custom_id="why")
    async def why(self, interaction: Call, _button: discord.ui.Button[Any]) -> None:
        await interaction.response.send_modal(Reason())

    @discord.ui.button(label="Off", custom_id="off", disabled=True)
    async def off(self, interaction: Call, _button: discord.ui.Button[Any]) -> None:
        raise AssertionError

    @discord.ui.select(
        custom_id="pick",
        options=[
            discord.SelectOption(label="One", value="1"),
            discord.SelectOption(label="Two", value="2"),
        ],
    )
    async def pick(self, interaction: Call, select: discord.ui.Select[Any]) -> None:
        await interaction.response.send_message(f"picked {select.values}")


async def commanded(
    playground: Playground, bot: Bot, *commands: app_commands.Command[Any, ..., Any]
) -> None:
    """Register chat commands with the playground's guild."""
    guild = discord.Object(playground.guild.id)
    for command in commands:
        bot.tree.add_command(command, guild=guild)
    await bot.tree.sync(guild=guild)


def command(
    run: Callable[[Call], Awaitable[None]], name: str = "ask"
) -> app_commands.Command[Any, ..., Any]:
    async def callback(interaction: discord.Interaction) -> None:
        await run(interaction)

    return app_commands.Command(name=name, description="Test", callback=callback)


async def test_a_pressed_view_edits_its_message_at_once_or_later(
    playground: Playground, bot: Bot
) -> None:
    ada, channel = playground.members[0], await text_channel(playground, bot)
    sent = await channel.send("old", view=Buttons())
    message = playground.world.messages[sent.id]
    press = await ada.press(message, "later")
    assert await press.acknowledged() is Callback.DEFERRED_UPDATE
    await playground.world.wait_for(lambda: message.content == "updated later")
    await (await ada.press(message, "update")).answered()
    assert (message.content, message.components) == ("updated", [])


async def test_a_dynamic_button_answers_the_presser_alone(playground: Playground, bot: Bot) -> None:
    ada, ben, _ = playground.members
    bot.add_dynamic_items(Vote)
    view = discord.ui.View(timeout=None)
    view.add_item(Vote(7))
    sent = await (await text_channel(playground, bot)).send("answer", view=view)
    message = playground.world.messages[sent.id]
    answer = await (await ada.press(message, "vote:7")).answered()
    assert answer.content == "Noted 7."
    assert answer.ephemeral
    assert answer in ada.reads(playground.text)
    assert answer not in ben.reads(playground.text)
    assert answer not in playground.world.messages_of(playground.text.id)


async def test_a_select_gives_the_values_that_were_chosen(playground: Playground, bot: Bot) -> None:
    sent = await (await text_channel(playground, bot)).send("choose", view=Buttons())
    press = await playground.members[0].press(playground.world.messages[sent.id], "pick", ["2"])
    assert (await press.answered()).content == "picked ['2']"


async def test_a_modal_is_shown_filled_in_and_answered(playground: Playground, bot: Bot) -> None:
    ada = playground.members[0]
    sent = await (await text_channel(playground, bot)).send("old", view=Buttons())
    press = await ada.press(playground.world.messages[sent.id], "why")
    modal = await press.modal()
    assert modal.title == "What was wrong?"
    (custom_id,) = modal.fields
    submitted = await ada.submit_modal(press, {custom_id: "too short"})
    answer = await submitted.answered()
    assert (answer.content, answer.ephemeral) == ("You said: too short", True)


async def test_a_modal_with_labels_is_filled_in_too(playground: Playground, bot: Bot) -> None:
    class Labelled(discord.ui.Modal, title="Labelled"):
        note: discord.ui.Label[Any] = discord.ui.Label(
            text="Note", component=discord.ui.TextInput(custom_id="note", required=False)
        )
        kind: discord.ui.Label[Any] = discord.ui.Label(
            text="Kind",
            component=discord.ui.Select(
                custom_id="kind", options=[discord.SelectOption(label="Bug", value="bug")]
            ),
        )

        async def on_submit(self, interaction: Call) -> None:
            note, kind = self.note.component, self.kind.component
            assert isinstance(note, discord.ui.TextInput)
            assert isinstance(kind, discord.ui.Select)
            await interaction.response.send_message(f"{note.value} {kind.values}")

    async def show(interaction: Call) -> None:
        await interaction.response.send_modal(Labelled())

    await commanded(playground, bot, command(show))
    ada = playground.members[0]
    call = await ada.slash(playground.text, "ask")
    await call.modal()
    with pytest.raises(LookupError, match="required"):
        await ada.submit_modal(call, {"note": "hm"})
    answer = await (await ada.submit_modal(call, {"note": "hm", "kind": ["bug"]})).answered()
    assert answer.content == "hm ['bug']"


async def test_what_a_member_cannot_press_or_fill_in_is_an_error_of_the_test(
    playground: Playground, bot: Bot
) -> None:
    ada = playground.members[0]
    sent = await (await text_channel(playground, bot)).send("old", view=Buttons())
    message = playground.world.messages[sent.id]
    for custom_id in ("off", "nowhere"):
        with pytest.raises(LookupError):
            await ada.press(message, custom_id)
    press = await ada.press(message, "why")
    (custom_id,) = (await press.modal()).fields
    for values in ({}, {custom_id: "x" * 201}, {custom_id: "fine", "other": "x"}):
        with pytest.raises(LookupError):
            await ada.submit_modal(press, values)
    await playground.moderator.delete(message)
    with pytest.raises(DiscordError):
        await ada.press(message, "update")


async def test_a_chat_command_is_registered_called_deferred_answered_and_followed_up(
    playground: Playground, bot: Bot
) -> None:
    @app_commands.command(name="ask", description="Ask the documentation")
    async def ask(
        interaction: discord.Interaction, question: str, who: discord.Member, times: int = 1
    ) -> None:
        await interaction.response.defer(thinking=True)
        await interaction.followup.send(f"{who.display_name}: {question} x{times}")
        await interaction.followup.send("And this.", ephemeral=True)

    await commanded(playground, bot, ask)
    ada, ben, _ = playground.members
    hold = playground.faults.hold(path=r"/webhooks/.*")
    call = await ada.slash(playground.text, "ask", question="How?", who=ben.user, times=2)
    await hold.reached.wait()
    assert call.thinking
    hold.release()
    answer = await call.answered()
    assert answer.content == "Ben: How? x2"
    assert playground.world.messages_of(playground.text.id) == [answer]
    (more,) = await call.followed_up()
    assert (more.content, more.ephemeral_to) == ("And this.", ada.id)


async def test_a_group_has_subcommands(playground: Playground, bot: Bot) -> None:
    group = app_commands.Group(name="docs", description="Documentation")

    @group.command(name="sync", description="Fetch")
    async def sync(interaction: discord.Interaction, where: discord.abc.GuildChannel) -> None:
        await interaction.response.send_message(f"synced for {where.id}", ephemeral=True)

    guild = discord.Object(playground.guild.id)
    bot.tree.add_command(group, guild=guild)
    await bot.tree.sync(guild=guild)
    call = await playground.admin.slash(playground.text, "docs sync", where=playground.forum)
    assert (await call.answered()).content == f"synced for {playground.forum.id}"
    for wrong in ("docs", "docs other", "other"):
        with pytest.raises(LookupError):
            await playground.admin.slash(playground.text, wrong)


async def test_autocomplete_offers_what_the_bot_says(playground: Playground, bot: Bot) -> None:
    @app_commands.command(name="search", description="Search")
    async def search(interaction: discord.Interaction, page: str, source: str = "") -> None:
        await interaction.response.send_message(page)

    @search.autocomplete("page")
    async def complete(
        interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        source = interaction.namespace.source
        return [app_commands.Choice(name=f"{typed} in {source}", value=typed)]

    await commanded(playground, bot, search)
    ada = playground.members[0]
    typing = await ada.autocomplete(playground.text, "search", "page", "ins", source="docs")
    assert await typing.choices() == [{"name": "ins in docs", "value": "ins"}]
    with pytest.raises(LookupError):
        await ada.autocomplete(playground.text, "search", "source", "x")


async def test_context_menus_name_the_message_or_the_user(playground: Playground, bot: Bot) -> None:
    guild = discord.Object(playground.guild.id)

    @bot.tree.context_menu(name="Explain", guild=guild)
    async def explain(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"It says: {message.content}", ephemeral=True)

    @bot.tree.context_menu(name="Usage", guild=guild)
    async def usage(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(f"{member.display_name} asks a lot")

    await bot.tree.sync(guild=guild)
    ada, ben, _ = playground.members
    said = await ada.send(playground.text, "hello")
    assert (await (await ben.message_menu(said, "Explain")).answered()).content == "It says: hello"
    about = await ben.user_menu(playground.text, ada.user, "Usage")
    assert (await about.answered()).content == "Ada asks a lot"


async def test_commands_for_moderators_are_not_offered_to_others(
    playground: Playground, bot: Bot
) -> None:
    @app_commands.command(name="stop", description="Stop")
    @app_commands.default_permissions(manage_threads=True)
    async def stop(interaction: discord.Interaction) -> None:
        granted = interaction.permissions.manage_threads
        await interaction.response.send_message(f"stopped {granted}")

    await commanded(playground, bot, stop)
    with pytest.raises(LookupError):
        await playground.members[0].slash(playground.text, "stop")
    for person in (playground.admin, playground.moderator):
        call = await person.slash(playground.text, "stop")
        assert (await call.answered()).content == "stopped True"


async def test_a_synced_command_keeps_its_id_and_global_ones_are_found_too(
    playground: Playground, bot: Bot
) -> None:
    async def answer(interaction: Call) -> None:
        await interaction.response.send_message("hello")

    bot.tree.add_command(command(answer))
    (first,) = await bot.tree.sync()
    (second,) = await bot.tree.sync()
    assert first.id == second.id
    assert [one.name for one in await bot.tree.fetch_commands()] == ["ask"]
    call = await playground.members[0].slash(playground.text, "ask")
    assert (await call.answered()).content == "hello"
    await second.delete()
    assert await bot.tree.fetch_commands() == []
    bot.tree.clear_commands(guild=None)
    assert await bot.tree.sync() == []


async def test_what_is_not_acknowledged_within_3_seconds_is_unknown(
    playground: Playground, bot: Bot, clock: Clock
) -> None:
    met: asyncio.Queue[discord.HTTPException] = asyncio.Queue()

    async def answer(interaction: Call) -> None:
        try:
            await interaction.response.send_message("too late")
        except discord.HTTPException as error:
            met.put_nowait(error)

    await commanded(playground, bot, command(answer))
    hold = playground.faults.hold(path=CALLBACK)
    call = await playground.members[0].slash(playground.text, "ask")
    await hold.reached.wait()
    clock.advance(3.1)
    hold.release()
    assert (await met.get()).code == 10062
    assert call.failed


async def test_a_token_lives_for_15_minutes(playground: Playground, bot: Bot, clock: Clock) -> None:
    calls: asyncio.Queue[Call] = asyncio.Queue()

    async def answer(interaction: Call) -> None:
        await interaction.response.send_message("first")
        calls.put_nowait(interaction)

    await commanded(playground, bot, command(answer))
    await playground.members[0].slash(playground.text, "ask")
    interaction = await calls.get()
    clock.advance(14 * 60)
    await interaction.edit_original_response(content="second")
    clock.advance(2 * 60)
    with pytest.raises(discord.HTTPException) as late:
        await interaction.edit_original_response(content="third")
    assert late.value.code == 50027


async def test_answers_are_fetched_edited_and_deleted(playground: Playground, bot: Bot) -> None:
    calls: asyncio.Queue[Call] = asyncio.Queue()

    async def answer(interaction: Call) -> None:
        file = discord.File(io.BytesIO(b"log"), "log.txt")
        await interaction.response.send_message("first", file=file)
        more = await interaction.followup.send("more", wait=True)
        edited = await more.edit(content="even more")
        assert (await interaction.followup.fetch_message(edited.id)).content == "even more"
        assert (await interaction.original_response()).content == "first"
        await more.delete()
        await interaction.delete_original_response()
        calls.put_nowait(interaction)

    await commanded(playground, bot, command(answer))
    call = await playground.members[0].slash(playground.text, "ask")
    interaction = await calls.get()
    assert call.messages == []
    with pytest.raises(discord.NotFound) as gone:
        await interaction.edit_original_response(content="gone")
    assert gone.value.code == 10008


async def test_an_interaction_is_acknowledged_once_and_before_anything_else(
    playground: Playground, bot: Bot
) -> None:
    codes: asyncio.Queue[int] = asyncio.Queue()

    async def answer(interaction: Call) -> None:
        try:
            await interaction.followup.send("too early")
        except discord.HTTPException as error:
            codes.put_nowait(error.code)
        await interaction.response.send_message("first")
        interaction.response._response_type = None
        try:
            await interaction.response.send_message("second")
        except discord.HTTPException as error:
            codes.put_nowait(error.code)

    await commanded(playground, bot, command(answer))
    await playground.members[0].slash(playground.text, "ask")
    assert [await codes.get(), await codes.get()] == [10015, 40060]


async def test_the_client_hears_of_ephemeral_answers_without_a_guild(
    playground: Playground, bot: Bot
) -> None:
    async def answer(interaction: Call) -> None:
        await interaction.response.send_message("psst", ephemeral=True)

    await commanded(playground, bot, command(answer))
    await playground.members[0].slash(playground.text, "ask")
    heard = await bot.next("message")
    assert (heard.author, heard.guild) == (bot.user, None)
    assert heard.flags.ephemeral


async def test_a_hidden_channel_takes_no_commands(playground: Playground, bot: Bot) -> None:
    ada = playground.members[0]
    playground.world.set_overwrite(playground.text.id, ada.id, deny=Permission.VIEW_CHANNEL)

    async def answer(interaction: Call) -> None:
        await interaction.response.send_message("never")

    await commanded(playground, bot, command(answer))
    with pytest.raises(DiscordError):
        await ada.slash(playground.text, "ask")


async def test_views_of_the_second_kind_are_shown_and_pressed(
    playground: Playground, bot: Bot
) -> None:
    class Panel(discord.ui.LayoutView):
        text: discord.ui.TextDisplay[Any] = discord.ui.TextDisplay("# Settings")
        row: discord.ui.ActionRow[Any] = discord.ui.ActionRow()

        @row.button(label="On", custom_id="on")
        async def on(self, interaction: Call, _button: discord.ui.Button[Any]) -> None:
            await interaction.response.send_message("on", ephemeral=True)

    sent = await (await text_channel(playground, bot)).send(view=Panel(timeout=None))
    message = playground.world.messages[sent.id]
    assert message.flags & MessageFlag.COMPONENTS_V2
    assert (await (await playground.members[0].press(message, "on")).answered()).content == "on"
