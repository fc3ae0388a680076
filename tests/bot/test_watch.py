import discord
import pytest

from docbot.bot.watch import NEEDED, Trouble, missing_rights


@pytest.mark.parametrize("right", [right for right in NEEDED if right != "view_channel"])
def test_what_lacks_is_named(right: str) -> None:
    given = discord.Permissions(**{each: each != right for each in NEEDED})
    assert missing_rights(given, NEEDED) == (right,)


def test_a_hidden_channel_tells_nothing_of_the_other_rights() -> None:
    assert missing_rights(discord.Permissions.none(), NEEDED) == ("view_channel",)
    assert missing_rights(discord.Permissions.all(), NEEDED) == ()


@pytest.mark.parametrize(
    ("right", "sending", "reading"),
    [
        ("view_channel", True, True),
        ("send_messages_in_threads", True, False),
        ("read_message_history", False, True),
    ],
)
def test_each_right_stops_what_it_is_for(right: str, *, sending: bool, reading: bool) -> None:
    trouble = Trouble("rights", "...", (right,))
    assert (trouble.stops_sending, trouble.stops_reading) == (sending, reading)
