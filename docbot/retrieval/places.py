"""Where generations of the index are kept, as plain values: a child process opens the same store."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from docbot.retrieval.store import VectorStore

_PORT = 6333  # Qdrant's own, with TLS too


class Place(Protocol):
    """Can be pickled; `str` gives what an operator knows it by."""

    def open(self) -> VectorStore:
        """Open the store; its caller closes it."""
        ...


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """docbot's own index, a folder on this machine."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    def open(self) -> VectorStore:
        from docbot.retrieval.edge import EdgeStore  # noqa: PLC0415  # an extra installs it

        return EdgeStore(self.folder)


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """A Qdrant server; `installation` tells this database's collections from another's."""

    url: str
    api_key: str | None = field(repr=False)
    installation: str

    def __str__(self) -> str:
        return f"Qdrant at {server_address(self.url)}"

    def open(self) -> VectorStore:
        # The client takes a second to load: only where a server is set.
        from docbot.retrieval.qdrant import QdrantServer  # noqa: PLC0415
        from docbot.retrieval.server import ServerStore  # noqa: PLC0415

        server = QdrantServer.connect(server_address(self.url), self.api_key)
        return ServerStore(server, self.installation)


def server_address(url: str) -> str:
    """Return the address with its port, and without a user, whom Qdrant does not know."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or _PORT}{parts.path.rstrip('/')}"


def is_sent_in_clear(url: str) -> bool:
    """Whether a key for this address crosses a network without TLS."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False
