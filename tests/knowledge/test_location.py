import pytest

from docbot.knowledge.location import overlap


@pytest.mark.parametrize(
    ("one", "other", "lies"),
    [
        ("https://x.test/docs/", "https://x.test/docs", "same"),
        ("https://x.test/docs/", "http://X.test:80/docs/index.html#top", "same"),
        ("https://x.test/docs/", "https://x.test/docs/start.html?q=1", "same"),
        ("https://x.test/docs/guide/", "https://x.test/docs/", "within"),
        ("https://x.test/", "https://x.test/docs/", "around"),
        ("https://x.test/v1.2", "https://x.test/v1.3", None),
        ("https://x.test/docs-old/", "https://x.test/docs/", None),
        ("https://x.test/docs/", "https://y.test/docs/", None),
        ("/srv/docs", "/srv/docs/", "same"),
        ("/srv/docs/guide", "/srv/docs", "within"),
        ("/srv", "/srv/docs", "around"),
        ("/srv/docs-old", "/srv/docs", None),
        ("/x.test/docs", "https://x.test/docs", None),
    ],
)
def test_what_is_read_twice_is_told(one: str, other: str, lies: str | None) -> None:
    assert overlap(one, other) == lies
