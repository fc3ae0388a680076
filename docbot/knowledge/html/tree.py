"""lxml's tree with plain types: what its own signatures leave open is settled here."""

from lxml import etree

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def select(element: etree._Element, path: str) -> list[etree._Element]:
    """Return the elements that an XPath expression finds."""
    found = element.xpath(path)
    return [item for item in found if etree.iselement(item)] if isinstance(found, list) else []


def text_of(element: etree._Element) -> str:
    """Return all text within the element as it stands; comments are no text."""
    return "".join(map(str, element.itertext("*")))


def line_of(element: etree._Element) -> str:
    return " ".join(text_of(element).split())


def written_line_of(element: etree._Element) -> str:
    """Return its text as one line in which code keeps its marks."""
    for code in element.iter("code"):
        text = line_of(code)
        if text and "`" not in text:
            for child in list(code):
                code.remove(child)
            code.text = f"`{text}`"
            code.tag = "span"
    return line_of(element)


def attribute(element: etree._Element, name: str) -> str:
    """Return an attribute, "" where there is none."""
    return str(element.get(name) or "")


def classes(element: etree._Element) -> list[str]:
    return attribute(element, "class").split()


def remove(element: etree._Element) -> None:
    """Take an element out, but leave the text that follows it.

    With text after it an empty `span` is left in its place: to join that text with what stands
    before would copy it all once more for each element that goes.
    """
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        hollow(element, "span")
    else:
        parent.remove(element)


def hollow(element: etree._Element, tag: str, text: str | None = None) -> None:
    """Make it an element of another tag, with this text and nothing else; its tail stays."""
    for child in list(element):
        element.remove(child)
    element.tag, element.text = tag, text
    element.attrib.clear()
