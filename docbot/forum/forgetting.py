"""Erases what is stored of a person in a server, when they ask for it.

Promise: after it nothing is sent of what they had asked, save what was on its way already. Done
twice it changes nothing more; broken off, the next time goes on from there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from docbot import texts
from docbot.db.erasure import Erasure, Held, Unsettled
from docbot.db.errors import translated
from docbot.db.interactions import Interactions
from docbot.db.pool import Pool
from docbot.forum.conduct import FORGOTTEN
from docbot.forum.conductor import Conductor
from docbot.forum.events import Forgotten
from docbot.forum.learning import Learning


@dataclass(frozen=True, slots=True)
class Forgetting:
    """`wake` is called once questions were called off, as others may go then."""

    pool: Pool
    erasure: Erasure
    conductor: Conductor
    learning: Learning
    interactions: Interactions
    wake: Callable[[], None]

    async def held(self, guild_id: int, person_id: int) -> Held:
        """How much is stored of a person."""
        return await self.erasure.held(guild_id, person_id)

    async def forget(self, guild_id: int, person_id: int, before_id: int) -> None:
        """Erase all of it that is older than `before_id`, an id of Discord's.

        Open questions are called off first; what was learned of their threads and their solutions
        goes too. Bans and the uses that limits count stay.
        """
        for question in await self.erasure.unsettled(guild_id, person_id, before_id):
            await self._call_off(question)
        for thread_id in await self.learning.threads_of(guild_id, person_id):
            await self._unlearn(thread_id)
        await self.erasure.forget(guild_id, person_id, before_id)
        self.wake()

    async def _unlearn(self, thread_id: int) -> None:
        """In a transaction of its own, as whoever writes in the thread waits for it."""
        with translated():
            async with self.pool.acquire() as conn, conn.transaction():
                await self.learning.forget_for_person(conn, thread_id)

    async def _call_off(self, question: Unsettled) -> None:
        with translated():
            async with self.pool.acquire() as conn, conn.transaction():
                if question.thread_id is not None:
                    await self.conductor.tell(
                        conn, question.thread_id, Forgotten(), question_id=question.id
                    )
                elif question.interaction_id is not None:
                    await self.conductor.call_off(conn, question.id, FORGOTTEN)
                    line = {"content": texts.call_erased(), "files": []}
                    await self.interactions.say_instead(conn, question.interaction_id, [line])
