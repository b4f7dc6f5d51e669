"""The tables of docs/smf.md from the layouts of the code: `python -m tools.smf_tables` puts them between the page's markers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cssmtp.observe.smf_fields import Layout
from cssmtp.observe.smf_layouts import (
    AREA,
    COMMON,
    GROUP,
    GROUPS,
    HEADER,
    IDENTIFICATION,
    KINDS,
    MAIL_IDENTIFICATION,
    SECTIONS,
    SPOOL_IDENTIFICATION,
    TRIPLET,
    TRIPLETS,
    Subtype,
)

PAGE = Path(__file__).parents[1] / "docs" / "smf.md"
BEGIN, END = "<!-- tables: python -m tools.smf_tables -->", "<!-- end of tables -->"

EVIDENCE = {
    HEADER.name: "IBM's layout",
    TRIPLETS.name: "IBM's layout",
    TRIPLET.name: "IBM's layout",
    IDENTIFICATION.name: "IBM's layout",
    COMMON.name: "third-party source, **unconfirmed**",
    SPOOL_IDENTIFICATION.name: "third-party source, consistent in itself",
    MAIL_IDENTIFICATION.name: "third-party source for the first field, **the rest is not known**",
}


def tables() -> str:
    """The text between the markers."""
    lines = ["### IBM's sections", ""]
    for layout in (HEADER, TRIPLETS, TRIPLET, IDENTIFICATION, COMMON, SPOOL_IDENTIFICATION, MAIL_IDENTIFICATION):
        lines += [
            f"#### {_heading(layout)}",
            "",
            f"{layout.size} bytes. {_capital(EVIDENCE[layout.name])}.",
            "",
            *_table(layout),
            "",
        ]
    lines += ["### Which record has what", "", *_subtypes(), "", "### Our area", ""]
    for layout in (AREA, GROUP):
        lines += [f"#### {_heading(layout)}", "", *_table(layout), ""]
    for kind in KINDS:
        lines += [f"#### Kind {kind.number}: {kind.name}", "", *_table(kind.layout), ""]
    return "\n".join(lines)


def _heading(layout: Layout) -> str:
    return _capital(layout.name)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _table(layout: Layout) -> Iterator[str]:
    yield "| offset | length | name | format | content |"
    yield "| --- | --- | --- | --- | --- |"
    for offset, row in layout.offsets():
        place = "behind it" if offset is None else f"{offset} (X'{offset:X}')"
        yield f"| {place} | {row.length or 'varies'} | {row.name} | {row.format.value} | {row.meaning} |"


def _subtypes() -> Iterator[str]:
    yield "| subtype | triplets | S1 | S2 | S3 | S4 | S5 | our groups |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for subtype in Subtype:
        layouts = SECTIONS[subtype]
        cells = [layout.name.removesuffix(" section") if layout else "absent" for layout in layouts]
        cells += ["-"] * (5 - len(cells))
        groups = ", ".join(GROUPS[subtype])
        yield f"| {int(subtype)} {subtype.name} | {1 + len(layouts)} | {' | '.join(cells)} | {groups} |"


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
