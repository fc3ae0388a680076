"""PDFs for tests, written byte by byte."""

from collections.abc import Sequence


def pdf(
    pages: Sequence[Sequence[str]],
    outline: Sequence[tuple[str, int]] = (),
    title: str = "",
) -> bytes:
    """Write a PDF: the lines of each page, and (title, page from 1) of each outline entry."""
    count = len(pages)
    first_content, first_entry = 4 + count, 4 + 2 * count
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R /Outlines {first_entry} 0 R >>",
        f"<< /Type /Pages /Count {count} /Kids [{' '.join(f'{4 + n} 0 R' for n in range(count))}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    objects += [
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
        f"/Resources << /Font << /F 3 0 R >> >> /Contents {first_content + n} 0 R >>"
        for n in range(count)
    ]
    objects += [_content(lines) for lines in pages]
    last = first_entry + len(outline)
    ends = f"/First {first_entry + 1} 0 R /Last {last} 0 R" if outline else ""
    objects.append(f"<< /Type /Outlines /Count {len(outline)} {ends} >>")
    for position, (name, page) in enumerate(outline, start=first_entry + 1):
        following = f"/Next {position + 1} 0 R" if position < last else ""
        objects.append(
            f"<< /Title ({name}) /Parent {first_entry} 0 R {following} /Dest [{3 + page} 0 R /Fit] >>"
        )
    objects.append(f"<< /Title ({title}) >>")
    return _file(objects)


def _content(lines: Sequence[str]) -> str:
    shown = " ".join(f"({line}) Tj T*" for line in lines)
    stream = f"BT /F 12 Tf 14 TL 72 720 Td {shown} ET"
    return f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream"


def _file(objects: Sequence[str]) -> bytes:
    body = b"%PDF-1.4\n"
    places: list[int] = []
    for number, text in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    begin = len(body)
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{rows}".encode()
    trailer = f"<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>"
    return body + f"trailer\n{trailer}\nstartxref\n{begin}\n%%EOF\n".encode()
