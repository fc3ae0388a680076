import pytest

from docbot.bot.translate import is_satisfied


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
        "Yes",
        "Yes, thanks!",
        "<@7> yep, that was it :)",
        "Yeah it did",
        "yup. solved",
        "works now",
        "It works!",
        "That works, cheers",
        "That was it.",
        "Fixed it, thank you",
        "Perfect, just what I wanted",
    ],
)
def test_a_message_that_only_thanks_or_says_yes_asks_nothing(said: str) -> None:
    assert is_satisfied(said)


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
        "Yes but on Windows it fails",
        "Yes, how?",
        "Yes. Now what",
        "No",
        "Not yet",
        "It works on Linux",
        "works in theory",
        "Solved that, what now",
        "yesterday it worked",
        "",
    ],
)
def test_a_message_that_may_ask_something_is_asked(said: str) -> None:
    assert not is_satisfied(said)
