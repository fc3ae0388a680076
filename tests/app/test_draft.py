from docbot.app.draft import Draft

DIM, PLAIN = "\x1b[2m", "\x1b[0m"
FINAL = "Set `max_retries` [1].\n\n**Sources**\n[1] Usage"


def shown(*pieces: str) -> tuple[str, Draft]:
    out: list[str] = []
    draft = Draft(out.append)
    for piece in pieces:
        draft.add(piece)
    draft.close()
    return "".join(out), draft


def test_a_text_is_shown_dim_as_it_comes_and_the_terminal_left_as_it_was() -> None:
    text, _ = shown("Set ", "`max_retries` ", "[1].")
    assert text == f"{DIM}Set `max_retries` [1].{PLAIN}\n"


def test_an_answer_that_the_checks_left_as_it_was_adds_only_its_sources() -> None:
    _, draft = shown("Set `max_retries` ", "[1].\n")
    assert draft.left_to_say(FINAL, ()) == "\n**Sources**\n[1] Usage"


def test_an_answer_that_the_checks_changed_is_said_again_with_what_was_taken_out() -> None:
    _, draft = shown("Set `max_retries` [1] [99].")
    left = draft.left_to_say(FINAL, ("[99]",))
    assert left == f"\n--- checked without [99], this is the answer:\n\n{FINAL}"


def test_what_no_model_wrote_is_said_once() -> None:
    text, draft = shown()
    assert (text, draft.left_to_say(FINAL, ())) == ("", FINAL)


def test_a_text_cannot_steer_the_terminal() -> None:
    text, draft = shown("a\x1b[31mb\x1b]0;title\x07\x9b2J\rc\u202ed\te\n")
    assert text == f"{DIM}a[31mb]0;title2Jcd\te\n{PLAIN}\n"
    assert "\x1b" not in draft.left_to_say("other", ("\x1b[2J",))
