"""What a message in a forum is to docbot: nothing, something to remember, or a question."""

from dataclasses import dataclass
from typing import Literal

from docbot.db.forums import Forum
from docbot.db.threads import Message, Thread

Verdict = Literal["ignore", "store", "post", "mention"]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as Discord told it.

    `calls_us`: it mentions docbot or replies to it. `is_late`: it was found so late, or people
    have written so much since, that its post is theirs.
    """

    message: Message
    thread: Thread
    calls_us: bool
    is_late: bool = False

    @property
    def opens_thread(self) -> bool:
        # A forum post's first message has the id of its thread.
        return self.message.id == self.thread.id


def judge(incoming: Incoming, forum: Forum | None) -> Verdict:
    """Decide what to do with a message of a thread whose forum is bound as `forum`."""
    if forum is None or forum.mode == "off" or incoming.message.is_bot:
        return "ignore"
    older = incoming.thread.created_at < forum.bound_at
    if incoming.opens_thread and forum.mode == "auto" and not older and not incoming.is_late:
        return "post"
    if incoming.calls_us and not (incoming.opens_thread and incoming.is_late):
        return "mention"
    # A post made before its forum was bound was not written to docbot.
    return "ignore" if older else "store"
