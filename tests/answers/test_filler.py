import pytest

from docbot.answers.filler import is_filler, without_opening

FILLER = [
    "Certainly!",
    "Sure thing.",
    "Of course!",
    "**Great question!**",
    "That's a very good question.",
    "What a great question!",
    "Hello there!",
    "Hi!",
    "Thanks for your question!",
    "Thank you so much for reaching out.",
    "I'd be happy to help you with that!",
    "I hope this helps!",
    "Hope that helps you out 😊",
    "I hope this answers your question.",
    "Let me know if you have any further questions.",
    "Please let me know if anything is unclear!",
    "Feel free to ask if you need more help.",
    "If you have any other questions, feel free to ask!",
    "If you run into issues, please don't hesitate to reach out.",
    "Would you like me to show an example?",
    "Is there anything else I can help you with?",
    "Good luck with your project!",
    "Happy coding! 🚀",
    "You're welcome!",
]
CONTENT = [
    "Yes.",
    "No.",
    "Sure, you can set it.",
    "Of course this works only once.",
    "It is a good question of style whether to nest them.",
    "Let me know which version you run.",
    "Let me know if `retries` is set.",
    "Let me know if version 2 shows it too.",
    "If you need more than one worker, set the number of workers.",
    "If you have several sources, name each of them.",
    "Do you need more than one worker?",
    "Hope is not a strategy.",
    "Hello is the name of the default page.",
    "Thanks to the cache it is fast.",
    "Happy paths are tested.",
    "Would you like it to stop, set a limit.",
    "Definitely not.",
    "You are welcome to use it.",
    "",
]


@pytest.mark.parametrize("sentence", FILLER)
def test_what_tells_nobody_anything_is_filler(sentence: str) -> None:
    assert is_filler(sentence)


@pytest.mark.parametrize("sentence", CONTENT)
def test_what_says_something_is_no_filler(sentence: str) -> None:
    assert not is_filler(sentence)


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("Sure, you can set it.", "You can set it."),
        ("Certainly: `retries` sets it.", "`retries` sets it."),
        ("Of course – use two.", "Use two."),
        ("Great question, the limit is 3.", "The limit is 3."),
        ("Based on the provided passages, vLLM does it.", "vLLM does it."),
        ("According to the documentation, it does.", "According to the documentation, it does."),
        ("Sure.", "Sure."),
        ("Ok is what it returns.", "Ok is what it returns."),
    ],
)
def test_an_opening_goes_and_what_it_opened_stays(sentence: str, left: str) -> None:
    assert without_opening(sentence) == left
