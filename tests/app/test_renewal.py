"""When the index is made anew for what was learned."""

from docbot.app.renewal import GATHER_SECONDS, rest_after


def test_an_index_stays_for_much_longer_than_it_took_to_make() -> None:
    assert rest_after(0.5) == GATHER_SECONDS
    assert rest_after(120) == 1200
