"""Erases what is older than its server keeps it, a little at a time."""

from collections import deque
from collections.abc import Callable

from docbot.config import ServerConfig
from docbot.db.erasure import Erasure


class Retention:
    """A round over all servers; in memory alone, as a round begun anew finds what is left."""

    def __init__(self, erasure: Erasure, config_of: Callable[[int], ServerConfig]) -> None:
        self._erasure = erasure
        self._config_of = config_of
        self._servers: deque[int] = deque()  # of this round, those that are not done

    async def begin(self) -> None:
        """Begin a round."""
        self._servers = deque(await self._erasure.servers())

    async def erase_some(self) -> bool:
        """Erase a batch in the next server; False: the round is over.

        A server that has more takes its turn again after the others.
        """
        if not self._servers:
            return False
        guild_id = self._servers.popleft()
        days = self._config_of(guild_id).retention_days
        if days is not None and await self._erasure.expire(guild_id, days):
            self._servers.append(guild_id)
        return True
