import pytest

from docbot.bot.faults import retry_after


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("0", 0),
        ("", 5),
        ("soon", 5),
        ("inf", 5),
        ("nan", 5),
        ("-3", 5),
        ("1e99", 86_400),
    ],
)
def test_a_pause_is_always_some_number_of_seconds(header: str, seconds: float) -> None:
    assert retry_after(header) == seconds
