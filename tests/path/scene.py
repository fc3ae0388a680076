"""A town whose bot runs in a process of its own, to be killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from docbot.settings import Settings
from tests.forked import Process, start
from tests.town import Ground, QuietTown, open_quiet_town


@dataclass(frozen=True)
class Scene(QuietTown):
    ground: Ground
    bots: list[Process]

    async def start(self, last: str = "", *, stdout: int = asyncio.subprocess.DEVNULL) -> Process:
        """Start a bot that ends at `last`, a step or a crash point; `stdout` gets the points."""
        bot = await start(
            "tests.path.dying_bot",
            last,
            env={"PATH": "/usr/bin:/bin", **_environment(self.rooms.settings)},
            stdout=stdout,
        )
        self.bots.append(bot)
        return bot

    async def end_bots(self) -> None:
        for bot in self.bots:
            if bot.returncode is None:
                bot.kill()
            await bot.wait()

    async def start_connected(self, last: str = "") -> Process:
        process = await self.start(last)
        await self.playground.bot_connects()
        return process

    async def is_answered_once(self, thread_id: int) -> None:
        await self.until("SELECT state = 'answered' FROM questions")
        replies = self.playground.world.replies_of_bot(thread_id)
        assert len(replies) == 1
        rows = await self.rooms.pool.fetch("SELECT state, message_id FROM outbox")
        assert [(row["state"], row["message_id"]) for row in rows] == [("sent", replies[0].id)]
        assert await self.rooms.pool.fetchval("SELECT count(*) FROM answers") == 1


def _environment(settings: Settings) -> dict[str, str]:
    """What the process needs to be set up as the test's own rooms are."""
    assert settings.discord_token is not None
    assert settings.database_url is not None
    given = {
        "DISCORD_TOKEN": settings.discord_token.get_secret_value(),
        "DOCBOT_DISCORD_API": settings.docbot_discord_api,
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "DOCBOT_DATA_DIR": str(settings.docbot_data_dir),
        "DOCBOT_CAUTION": settings.docbot_caution,
        "DOCBOT_LIMITS": settings.docbot_limits,
        "OPENAI_BASE_URL": settings.openai_base_url,
        "DOCBOT_CHAT_MODEL": settings.docbot_chat_model,
        "DOCBOT_EMBEDDING_MODEL": settings.docbot_embedding_model,
    }
    return {name: value for name, value in given.items() if value is not None}


@asynccontextmanager
async def open_scene(ground: Ground, **arguments: Any) -> AsyncIterator[Scene]:
    async with open_quiet_town(ground, **arguments) as town:
        scene = Scene(town.playground, town.rooms, ground, [])
        try:
            yield scene
        finally:
            await scene.end_bots()
