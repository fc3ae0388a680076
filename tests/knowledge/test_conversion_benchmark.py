"""The conversion benchmark measures what it says, and docbot holds its place in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import fidelity, knowledge, marks
from benchmarks.converters import ARE_RIVALS_HERE, HOW_TO_INSTALL, all_converters
from benchmarks.markup import read_markdown
from benchmarks.reference import read_page

PAGE = """
<body><nav><a href="/">Acme home page</a></nav><div class="main">
<h1 id="top">Install <a class="header-anchor" href="#top">#</a></h1>
<p>Run <a href="../run">it now</a>.</p>
<div class="language-bash"><span class="lang">bash</span><pre><code>a  b\n\nc</code></pre></div>
<table><tr><th>Name</th><th>Use</th></tr><tr><td>x</td><td>the first</td></tr></table>
<div class="tip custom-block"><p class="custom-block-title">TIP</p><p>Be quick about it.</p></div>
<div class="vp-code-group"><div class="tabs"><label>npm</label><label>yarn</label></div>
<div class="blocks"><div class="language-js"><pre>one()</pre></div>
<div class="language-js"><pre>two()</pre></div></div></div>
</div></body>
"""
GOOD = """# Install {#top}

Run [it now](https://vite.dev/run).

```bash
a  b

c
```

| Name | Use |
| --- | --- |
| x | the first |

> **Tip**
>
> Be quick about it.

**npm**

```js
one()
```

**yarn**

```js
two()
```
"""
POOR = """[Acme home page](/)

# Install

Run [it now](../run).

```
a b

c
```

Name Use x the first

TIP

Be quick about it.

npm yarn

    one()
    two()
"""


@pytest.mark.parametrize(("markdown", "share"), [(GOOD, 1.0), (POOR, 0.0)])
def test_what_is_kept_counts_and_what_is_lost_does_not(markdown: str, share: float) -> None:
    page = read_page("vite", PAGE, "https://vite.dev/guide/page.html")
    assert page is not None
    judged = fidelity.judge(page, read_markdown(markdown))
    assert judged.pop("navigation") == (1 - share, 1)
    assert judged.pop("words") == (21, 21)
    assert {name: found / of for name, (found, of) in judged.items()} == dict.fromkeys(
        judged, share
    )


@pytest.fixture
def folders(site: Callable[[str], Path]) -> dict[str, Path]:
    return {name: site(name) for name in knowledge.ADDRESSES}


@pytest.mark.check
def test_the_crude_reader_found_what_was_marked_by_hand(folders: dict[str, Path]) -> None:
    found = marks.all_marks()
    assert len(found) == 40
    for mark in found:
        html = (folders[mark.site] / mark.page).read_text("utf-8")
        page = read_page(mark.site, html, knowledge.ADDRESSES[mark.site] + mark.page)
        assert page is not None
        assert list(marks.differences(mark, page)) == [], mark.page


@pytest.mark.check
@pytest.mark.timeout(600)
@pytest.mark.skipif(not ARE_RIVALS_HERE, reason=HOW_TO_INSTALL)
def test_docbot_is_first_or_close_to_it_in_all_that_is_kept(folders: dict[str, Path]) -> None:
    kept = knowledge.compare(folders, all_converters(), every=30)
    assert kept.pages == 29
    for column in fidelity.COLUMNS:
        assert kept.behind(column, kept.whole) <= knowledge.WITHIN, column
    for column in marks.COLUMNS:
        assert kept.behind(column, kept.marked) <= knowledge.WITHIN, column


@pytest.mark.check
@pytest.mark.skipif(not ARE_RIVALS_HERE, reason=HOW_TO_INSTALL)
def test_docbot_is_faster_than_markdownify(folders: dict[str, Path]) -> None:
    pages = list(knowledge.sources(folders, every=60))
    speed = knowledge.measure_speed(pages, all_converters(), rounds=3)
    assert speed.ratio("markdownify") >= knowledge.FASTER
