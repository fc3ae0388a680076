"""markdownify, html2text, trafilatura and html-to-markdown; needs the extra `converters`.

Each is used as its documentation says and gets the text of the page, and its address where it takes
one, with the options that are best for it on these pages: links, tables and languages of code are
asked for wherever there is a switch for them.
"""

import re

import html2text as html2text_package
import html_to_markdown as html_to_markdown_package
import markdownify as markdownify_package
import trafilatura as trafilatura_package
from bs4 import Tag

_LANGUAGE = re.compile(r"(?:language|highlight)-([\w+#-]+)")


def markdownify(html: str, _: str) -> str:
    return str(
        markdownify_package.markdownify(
            html,
            heading_style=markdownify_package.ATX,
            bs4_options="lxml",  # faster than its default
            code_language_callback=_language_of,
            table_infer_header=True,
        )
    )


def _language_of(pre: Tag) -> str:
    """What its documentation shows, looked for where these sites write it."""
    for element in (*pre.find_all("code", recursive=False), pre, *list(pre.parents)[:3]):
        names = element.get_attribute_list("class") if isinstance(element, Tag) else []
        if found := _LANGUAGE.search(" ".join(str(name) for name in names if name)):
            return found[1]
    return ""


def html2text(html: str, url: str) -> str:
    converter = html2text_package.HTML2Text(baseurl=url, bodywidth=0)
    converter.backquote_code_style = True
    converter.unicode_snob = True
    return str(converter.handle(html))


def trafilatura(html: str, url: str) -> str:
    markdown = trafilatura_package.extract(
        html,
        url=url,
        output_format="markdown",
        favor_recall=True,
        include_comments=False,
        include_formatting=True,
        include_links=True,
        include_tables=True,
    )
    return markdown or ""


def html_to_markdown(html: str, url: str) -> str:
    options = html_to_markdown_package.ConversionOptions(
        base_url=url,
        hidden_content="reachable",
        preprocessing=html_to_markdown_package.PreprocessingOptions(preset="aggressive"),
    )
    return html_to_markdown_package.convert(html, options).content or ""
