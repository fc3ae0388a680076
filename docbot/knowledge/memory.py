"""What earlier syncs learned of each address, so that this one asks only for what changed."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Known:
    """What came of an address when it was last read.

    `is_settled` tells that this very sync has read it already, before it was stopped: it is not
    asked for again. An address that an older converter read has neither validators nor a hash, so
    that it is read anew.
    """

    page_url: str | None  # the page that came of it; None: no page of its own
    etag: str | None
    last_modified: str | None
    body_hash: bytes | None
    links: tuple[str, ...]
    leads_to: str | None = None  # of a stub
    note: str | None = None  # why no page came of it, where that is worth a line
    is_settled: bool = False


class Memory(Protocol):
    async def recall(self, address: str) -> Known | None:
        """Return what is known of an address, None if it was never read."""
        ...

    async def addresses(self) -> frozenset[str]:
        """Every address that gave a page when it was last read."""
        ...


class NoMemory:
    """Nothing was read before."""

    async def recall(self, _: str) -> Known | None:
        return None

    async def addresses(self) -> frozenset[str]:
        return frozenset()
