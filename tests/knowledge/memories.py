"""What a test's earlier sync learned."""

from collections.abc import Iterable
from dataclasses import replace

from docbot.knowledge.memory import Known
from docbot.knowledge.pages import Nothing, Page, Result, Unchanged


class Remembered:
    """Knows what came of a reading, as what is stored between two syncs does."""

    def __init__(self, outcomes: Iterable[Result], *, settled: Iterable[str] = ()) -> None:
        self._known = {
            outcome.read_from: _known(outcome)
            for outcome in outcomes
            if isinstance(outcome, Page | Nothing | Unchanged)
        }
        for address in settled:
            self._known[address] = replace(self._known[address], is_settled=True)

    async def recall(self, address: str) -> Known | None:
        return self._known.get(address)

    async def addresses(self) -> frozenset[str]:
        return frozenset(address for address, known in self._known.items() if known.page_url)


def _known(outcome: Page | Nothing | Unchanged) -> Known:
    if isinstance(outcome, Unchanged):
        return outcome.known
    if isinstance(outcome, Page):
        return Known(outcome.url, None, None, outcome.body_hash, outcome.links)
    return Known(None, None, None, outcome.body_hash, (), outcome.leads_to, outcome.note)
