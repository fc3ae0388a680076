"""/collections, /commands, /hello and /about, as members meet them."""

from docbot import __version__
from docbot.playground.objects import MessageFlag
from tests.model_server import ModelServer
from tests.town import QUESTION, Ground, Town, open_town


async def _told(town: Town, name: str, *, by_admin: bool = False) -> str:
    """What a command answers to one person alone."""
    caller = town.playground.admin if by_admin else town.asker
    reply = await (await caller.slash(town.playground.text, name)).answered()
    assert reply.ephemeral_to == caller.id
    assert reply.flags & MessageFlag.SUPPRESS_EMBEDS
    return reply.content


async def test_the_sources_are_listed_to_who_asks(town: Town) -> None:
    await town.rooms.sources.add(name="later", kind="folder", location="/secret", base_url=None)
    lines = (await _told(town, "collections")).splitlines()
    assert lines[1].startswith("- docs: 3 pages, ")
    assert "last read <t:" in lines[1]
    assert lines[2] == "- later: 0 pages, 0 passages, not read yet"
    assert "/secret" not in "\n".join(lines)


async def test_a_source_of_another_server_is_not_told(town: Town) -> None:
    own, other = town.playground.guild.id, town.playground.guild.id + 1
    await town.rooms.forums.put_guild(other, "Elsewhere")
    for guild_id, name in ((own, "ours"), (other, "theirs")):
        await town.rooms.sources.add(name=name, kind="folder", location="/x", base_url=None)
        await town.rooms.pool.execute(
            "UPDATE sources SET guild_id = $1 WHERE name = $2", guild_id, name
        )
    told = await _told(town, "collections")
    assert "ours" in told
    assert "theirs" not in told


async def test_each_is_told_of_the_commands_that_they_may_use(town: Town) -> None:
    to_member = await _told(town, "commands")
    to_admin = await _told(town, "commands", by_admin=True)
    assert "- `/search query [source] [limit]`: Find pages of the documentation" in to_member
    assert "`Apps > Mark solution`" in to_member
    assert "in threads that you opened" in to_member
    assert "/reload-config" not in to_member
    assert "/reload-config" in to_admin
    assert "in threads that you opened" not in to_admin


async def test_the_greeting_is_for_all_and_follows_the_mode(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, "Each night.")
    for mode, said in (("auto", "new post"), ("mention", "Mention me"), ("off", "do not answer")):
        await town.configure("mode", mode)
        greeting = await (await town.asker.slash(thread, "hello")).answered()
        assert greeting.ephemeral_to is None
        assert said in greeting.content


async def test_elsewhere_the_greeting_names_the_forum(town: Town) -> None:
    greeting = await (await town.asker.slash(town.playground.text, "hello")).answered()
    assert f"<#{town.playground.forum.id}>" in greeting.content
    await town.configure("mode", "off")
    greeting = await (await town.asker.slash(town.playground.text, "hello")).answered()
    assert "<#" not in greeting.content


async def test_without_a_model_it_says_that_it_quotes(town: Town) -> None:
    told = await _told(town, "about")
    assert __version__ in told
    assert "1 source with 3 pages" in told
    assert "I quote the documentation" in told
    assert "180 days" in told
    await town.configure("retention-days", "1")
    assert "for 1 day." in await _told(town, "about")


async def test_the_model_and_its_host_are_told_and_nothing_else_of_the_endpoint(
    ground: Ground,
) -> None:
    async with (
        ModelServer.open() as model,
        open_town(ground, docbot_chat_model="test-chat", openai_base_url=model.base_url) as town,
    ):
        told = await _told(town, "about")
    assert "`test-chat` at `127.0.0.1`" in told
    assert model.base_url not in told
