"""Rules about code pages that span statements (configuration.md 10, code-pages.md 8 and 10).

Promises: as `rules`: each rule reports with the place of the statement to change, and is silent about values bad by themselves.
Never: changes a value.
"""

from __future__ import annotations

from collections.abc import Iterator

from cssmtp.config.collect import Collector, Given
from cssmtp.config.diagnostic import Findings
from cssmtp.config.model import CodePages, MimeLabel
from cssmtp.config.values import CodePageCheck, fits

CHARSET_FIELDS = ("charset", "mbcharset")


def check_multibyte(given: Collector, findings: Findings, pages: CodePageCheck, default_page: str) -> None:
    """MBCS decides the kind of page for Translate, and that each TargetServer has an MBCharset (configuration.md 10)."""
    if given.failed & {"mbcs", "translate"}:
        return
    mbcs = bool(given.value("mbcs", False))
    page = str(given.value("translate", default_page))
    line, column = given.place("translate") if "translate" in given.singles else given.place("mbcs")
    if mbcs and not fits(pages, page, "mbtranslate"):
        text = f"Translate {page} is a single-byte code page; with MBCS Yes it must be a multi-byte one"
        findings.error(line, column, text, "name a multi-byte page such as IBM-939 in Translate, or write MBCS No")
    if not mbcs and not fits(pages, page, "translate"):
        text = f"Translate {page} is a multi-byte code page; with MBCS No it must be a single-byte one"
        findings.error(line, column, text, "write MBCS Yes, or name a single-byte page such as IBM-1047")
    for block in given.targets if mbcs else ():
        if block.find("mbcharset") is None and "mbcharset" not in block.failed:
            text = "this TargetServer has no MBCharset; with MBCS Yes each must have one"
            findings.error(block.word.line, block.word.column, text, "add MBCharset, for example MBCharset IBM-943")


def check_approximate(given: Collector, findings: Findings, pages: CodePageCheck, options: CodePages) -> None:
    """A page whose table is not IBM's for certain is refused unless CodePages AllowApproximate is Yes."""
    if options.allow_approximate:
        return
    translate = given.singles.get("translate")
    for entry in (*([translate] if translate else []), *_charsets(given)):
        if not pages.exact(str(entry.value)):
            text = f"{entry.row.name} {entry.value}: no public table of this code page is IBM's for certain"
            findings.error(
                entry.word.line, entry.word.column, text, "name another page, or write AllowApproximate Yes in a CodePages block"
            )


def check_labels(given: Collector, findings: Findings, pages: CodePageCheck, options: CodePages) -> None:
    """A charset without a MIME name: hardly any reader shows the mail, and nothing can be labelled (code-pages.md 8.1)."""
    mbcs = bool(given.value("mbcs", False))
    for entry in _charsets(given):
        if pages.label(str(entry.value)) or (entry.row.field == "mbcharset") != mbcs:
            continue
        text = f"{entry.row.name} {entry.value} has no MIME name: hardly any mail reader shows it"
        if options.mime_label is not MimeLabel.NO or options.encode_headers:
            text += ", and MimeLabel and EncodeHeaders do nothing for it"
        findings.warning(entry.word.line, entry.word.column, text, "use UTF-8, or a charset that readers know")


def _charsets(given: Collector) -> Iterator[Given]:
    """Every Charset and MBCharset of the file."""
    return (entry for block in given.targets for entry in block.entries if entry.row.field in CHARSET_FIELDS)
