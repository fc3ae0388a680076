import pytest

from docbot.bot.translate import only_thanks


@pytest.mark.parametrize(
    "said",
    [
        "Thanks!",
        "thank you",
        "<@7> Thank you, that was it!",
        "Many thanks",
        "thx",
        "Cheers, mate.",
        "Thanks, just what I needed",
        "Thanks a lot, that\u2019s exactly what I needed :)",
        "Thank you so much! It works now \U0001f389",
    ],
)
def test_a_message_that_only_thanks_asks_nothing(said: str) -> None:
    assert only_thanks(said)


@pytest.mark.parametrize(
    "said",
    [
        "Thanks, and on Windows?",
        "Thanks, and on Windows",
        "Thanks! What about Windows",
        "<@7> thanks, still fails.",
        "Thanks, but it still fails with the same error.",
        "thanks, it doesn't work",
        "thx, not working",
        "Ty, I get error 42",
        "thanks. show me windows",
        "thankless",
        "tyre sizes",
        "It works, thanks to you",
        "",
    ],
)
def test_a_message_that_may_ask_something_is_asked(said: str) -> None:
    assert not only_thanks(said)
