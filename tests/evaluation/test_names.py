from hypothesis import given
from hypothesis import strategies as st

from docbot.evaluation.names import names_in, unknown_names

ANSWER = """Set `max_retries` and run `frob --loud` [1], then call Frob.start().

```python
from frob import start_all
x = start_all(retries=3)
```

See [the page](https://docs.test/other_page) or https://docs.test/a_b; a well-known word is none.
"""


def test_names_are_what_code_holds_and_what_looks_like_one() -> None:
    assert names_in(ANSWER) == ["max_retries", "frob", "--loud", "Frob.start", "start_all"]


def test_a_name_is_known_that_stands_in_a_passage_or_the_question() -> None:
    passages = ["`max_retries` sets it; frob --loud shows more.", "Frob.start() begins."]
    assert unknown_names(ANSWER, passages) == ("start_all",)
    assert unknown_names(ANSWER, [*passages, "Why does start_all fail?"]) == ()


@given(st.text())
def test_what_is_copied_from_a_passage_is_known(text: str) -> None:
    assert unknown_names(text, [text]) == ()
