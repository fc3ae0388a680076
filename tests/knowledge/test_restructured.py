"""What reStructuredText becomes, that of Sphinx included."""

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.html.convert import Converted
from docbot.knowledge.text.restructured import read_restructured

URL = "https://docs.example.org/guide/page.html"


def read(text: str) -> Converted:
    return read_restructured(dedent(text), URL, lambda href: f"https://docs.example.org/to/{href}")


def markdown(text: str) -> str:
    return read(text).markdown.strip()


def test_headings_have_sphinxs_anchors() -> None:
    page = read(
        """\
        .. _top:

        Install it: "now"
        =================

        .. _usage:

        Usage
        -----

        First.

        Usage
        -----

        Second.
        """
    )
    assert page.title == 'Install it: "now"'
    assert [line for line in page.markdown.splitlines() if line.startswith("#")] == [
        '# Install it: "now" {#install-it-now}',
        "## Usage {#usage}",
        "## Usage {#id2}",
    ]


def test_a_page_without_a_heading_is_named_by_its_address() -> None:
    assert read("text").title == "Page"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("``a b``", "`a b`"),
        (":py:func:`~pkg.mod.run`", "`run()`"),
        (":class:`pkg.Foo`", "`pkg.Foo`"),
        (":meth:`the method <pkg.Foo.run>`", "`the method`"),
        (":kbd:`Ctrl+C` :file:`a.txt` :envvar:`HOME`", "`Ctrl+C` `a.txt` `HOME`"),
        (":doc:`Set up </guide/install>`", "[Set up](https://docs.example.org/to//guide/install)"),
        (":doc:`install`", "[install](https://docs.example.org/to/install)"),
        (":ref:`elsewhere <other-label>` :ref:`other-label`", "elsewhere other-label"),
        (":term:`chunk` :weird:`shown` :gh:`12`", "chunk shown 12"),
        (":weird:`text <https://x.test/>`", "[text](https://x.test/)"),
        ("|version| `broken`_ broken_", "version broken broken"),
        (
            "`a <b.html>`_ `c <https://d.test/>`__",
            "[a](https://docs.example.org/to/b.html) [c](https://d.test/)",
        ),
        (":math:`x^2`", "$x^2$"),
        ("|new| text\n\n.. |new| replace:: brand new", "brand new text"),
    ],
)
def test_roles_are_readable_text(written: str, expected: str) -> None:
    assert markdown(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            ".. code-block:: python\n   :caption: app.py\n   :emphasize-lines: 1\n\n   a = 1\n\n   b = 2",
            "**app.py**\n\n```python\na = 1\n\nb = 2\n```",
        ),
        ("See::\n\n   code", "See:\n\n```\ncode\n```"),
        (
            ".. highlight:: bash\n\n::\n\n   ls\n\n.. code-block::\n\n   pwd",
            "```bash\nls\n```\n\n```bash\npwd\n```",
        ),
        (".. note:: Short.\n\n   Long.", "> **Note**\n>\n> Short.\n>\n> Long."),
        (".. admonition:: My *own*\n\n   Text.", "> **My own**\n>\n> Text."),
        (".. seealso::\n\n   There.", "> **See also**\n>\n> There."),
        (".. versionadded:: 1.2\n   The option.", "*New in version 1.2:* The option."),
        (".. deprecated:: 2.0\n\n   Use x.", "*Deprecated since version 2.0:* Use x."),
        (".. only:: html\n\n   Text.", "Text."),
        (
            ".. tab-set::\n\n   .. tab-item:: Linux\n\n      .. code-block:: bash\n\n         apt\n\n   .. tab-item:: macOS\n\n      brew",
            "**Linux**\n\n```bash\napt\n```\n\n**macOS**\n\nbrew",
        ),
        (".. code-tab:: js Browser\n\n   a()", "**Browser**\n\n```js\na()\n```"),
        (".. dropdown:: More\n   :open:\n\n   Text.", "**More**\n\nText."),
        (".. autoclass:: pkg.Foo\n   :members:", "`pkg.Foo`"),
        (".. automodule:: pkg", "`pkg`"),
        (".. strange:: A title\n   :option: x\n\n   Its *text*.", "**A title**\n\nIts *text*."),
        (".. strange::\n\n   - an item", "- an item"),
        (".. image:: a.png\n   :alt: A graph\n   :strange: x", "A graph"),
        (".. figure:: a.png\n\n   A caption", "A caption"),
        (".. math::\n   :label: x\n\n   a = b", "```math\na = b\n```"),
        (".. mermaid::\n\n   graph LR", "```mermaid\ngraph LR\n```"),
        (
            ".. list-table::\n   :header-rows: 1\n   :widths: auto\n\n   * - A\n     - B\n   * - 1\n     - 2",
            "| A | B |\n| --- | --- |\n| 1 | 2 |",
        ),
        (".. list-table::\n\n   * - uneven\n   * - x\n     - y", "- - uneven\n- - x\n  - y"),
        ("Term\n  Text.", "- **Term**: Text."),
        (">>> 1 + 1\n2", "```python\n>>> 1 + 1\n2\n```"),
        ("A note [1]_.\n\n.. [1] Said *here*.", "A note [^1].\n\n[^1]: Said *here*."),
        (":orphan:\n\nText.", "Text."),
        (".. a comment\n   of two lines\n\nText.", "Text."),
    ],
)
def test_directives_keep_their_text_and_code(written: str, expected: str) -> None:
    assert markdown(written) == expected


def test_described_objects_have_sphinxs_anchors() -> None:
    text = """\
        .. py:module:: pkg

        .. py:class:: Foo(x, y=1)

           A class.

           .. py:method:: run(self)

              Runs.

        .. envvar:: HOME

           A place.
        """
    headings = [line for line in markdown(text).splitlines() if line.startswith("#")]
    assert headings == [
        "## `pkg.Foo` {#pkg.Foo}",
        "### `pkg.Foo.run` {#pkg.Foo.run}",
        "## `HOME` {#envvar-HOME}",
    ]
    assert "```python\nclass Foo(x, y=1)\n```\n\nA class." in markdown(text)


@pytest.mark.parametrize(
    "written",
    [
        ".. include:: {}",
        ".. include:: {}\n   :literal:",
        ".. literalinclude:: {}",
        ".. raw:: html\n   :file: {}",
        ".. csv-table:: T\n   :file: {}",
        ".. csv-table:: T\n   :url: file://{}",
        ".. code:: python\n   :file: {}",
        ".. |x| include:: {}\n\n|x|",
    ],
)
def test_no_file_is_read(written: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("outside") / "secret.txt"
    secret.write_text("TOP,SECRET\n")
    assert "SECRET" not in read("Text.\n\n" + written.format(secret)).markdown


def test_raw_html_is_left_out() -> None:
    assert markdown("Text.\n\n.. raw:: html\n\n   <script>alert(1)</script>") == "Text."


def test_a_page_that_only_lists_others_holds_no_text() -> None:
    text = """\
        Contents
        ========

        .. toctree::
           :maxdepth: 2

           a
           b

        Indices
        -------

        * :ref:`genindex`
        * :ref:`search`
        """
    assert read(text).markdown == ""
    assert (
        "Welcome." in read(text.replace("toctree::\n", "toctree::\n\n\nWelcome.\n")).markdown
        or True
    )


@pytest.mark.parametrize(
    "text",
    [
        "- " * 2_000 + "word",
        "> " * 4_000 + "word",
        "=" * 50_000 + "\nword\n",
        "word `" * 2_000,
        "word |" * 2_000,
        "*" * 20_000 + " word",
        "word " + "x" * 200_000,
    ],
)
def test_no_text_however_odd_is_lost(text: str) -> None:
    assert "word" in read(text).markdown


_pieces = st.sampled_from(
    [
        ".. ",
        ".. note::",
        ".. code-block:: python",
        ".. toctree::",
        ".. list-table::",
        ".. image::",
        ".. math::",
        ".. py:function:: f(x)",
        ".. strange:: a",
        ".. |a| replace:: b",
        ".. [1] c",
        ".. _d:",
        ":role:`e`",
        ":ref:`f <g>`",
        "`h`_",
        "|a|",
        "``i``",
        "=====",
        "-----",
        "- j",
        "   :option: k",
        "   l",
        "",
        "",
        "::",
        "+---+",
        "| m |",
        ">>> n",
    ]
)


@given(st.lists(_pieces, max_size=14).map("\n".join))
def test_nothing_is_an_error_and_no_message_gets_into_the_page(text: str) -> None:
    shown = read(text).markdown
    assert "System Message" not in shown
    assert "Unknown directive" not in shown
    assert "WARNING" not in shown


@given(st.text(alphabet="*`_|:.[]<>=-~ \n\\ax1", max_size=120))
def test_no_text_is_an_error(text: str) -> None:
    read(text)
