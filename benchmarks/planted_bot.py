"""`docbot run` with a fault planted in it, to see that the chaos benchmark would find it.

python -m benchmarks.chaos --plant "mark sent before the send"
"""

# ruff: noqa: SLF001 - a fault is planted where the work is done, which is private
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

from docbot import cli
from docbot.answers.answer import Answer
from docbot.answers.write import Message, write
from docbot.bot.delivery import OutboxDrain
from docbot.db.outbox import Delivery, Outbox
from docbot.db.pool import Conn
from docbot.db.questions import Questions
from docbot.forum import conductor


def mark_sent_before_the_send() -> None:
    """A message is lost when its process dies, or Discord refuses it, in between."""
    send = OutboxDrain._settle

    async def mark_first(drain: OutboxDrain, delivery: Delivery) -> int:
        message_id = secrets.randbits(62)
        await drain._end_sent(delivery, message_id)
        await send(drain, delivery)
        return message_id

    OutboxDrain._settle = mark_first  # type: ignore[assignment, method-assign]  # that is the plant


def drop_the_nonce() -> None:
    """A message is sent twice when the reply to its first try was lost."""
    send = OutboxDrain._send

    async def send_anew(drain: OutboxDrain, delivery: Delivery) -> int:
        return await send(drain, replace(delivery, nonce=secrets.token_hex(12)))

    OutboxDrain._send = send_anew  # type: ignore[assignment, method-assign]  # that is the plant


def skip_the_take_overs_reset() -> None:
    """What a killed process had in hand is in nobody's hand for ever."""

    async def leave(_: object, __: Conn) -> None:
        pass

    Questions.take_over = Outbox.take_over = leave  # type: ignore[assignment, method-assign]  # the plant


def swap_two_parts() -> None:
    """The second message of an answer is written down before the first."""

    def swapped(answer: Answer, *, attaches: bool = True) -> list[Message]:
        parts = write(answer, attaches=attaches)
        return [*reversed(parts[:2]), *parts[2:]]

    vars(conductor)["write"] = swapped


PLANTS: Mapping[str, Callable[[], None]] = {
    "mark sent before the send": mark_sent_before_the_send,
    "drop the nonce": drop_the_nonce,
    "skip the take-over's reset": skip_the_take_overs_reset,
    "swap two parts": swap_two_parts,
}


if __name__ == "__main__":
    PLANTS[sys.argv[1]]()
    sys.argv = ["docbot", "run"]
    cli.main()
