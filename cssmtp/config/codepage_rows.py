"""The CodePages block of the configuration language: choices about conversion and MIME that CSSMTP does not have.

Promises: with the defaults every mail is what CSSMTP sends. Part of `schema`'s table.
Never: holds a rule that spans statements (that is `codepage_rules`).
"""

from __future__ import annotations

from cssmtp.config import model
from cssmtp.config.grammar import Block, Parameter
from cssmtp.config.values import Choice, Kind, YesNo


def _row(name: str, field: str, kind: Kind, default: str, meaning: str) -> Parameter:
    return Parameter(name, field, kind, default, meaning, since="extension", extension=True, evidence="X")


CODE_PAGES = Block(
    "CodePages",
    "code_pages",
    model.CodePages,
    (
        _row(
            "Newline",
            "newline",
            Choice(model.Newline),
            "Zos",
            "What X'25' of a spool file is in text shown to people: a control character (Zos) or a line end (Cdra).",
        ),
        _row(
            "Euro",
            "euro",
            Choice(model.Euro),
            "Sub",
            "The euro where the target has none: lost like any other (Sub), or the byte of the currency sign (A4).",
        ),
        _row(
            "Unmappable",
            "unmappable",
            Choice(model.Unmappable),
            "Question",
            "What stands for a lost character: a question mark, or IBM's substitution character where that is printable.",
        ),
        _row(
            "AllowApproximate",
            "allow_approximate",
            YesNo(),
            "No",
            "Take code pages whose table is not IBM's for certain.",
        ),
        _row(
            "MimeLabel",
            "mime_label",
            Choice(model.MimeLabel),
            "No",
            "Label mail that has no MIME header with the target's charset (Yes), and correct wrong labels too (Force).",
        ),
        _row(
            "EncodeHeaders",
            "encode_headers",
            YesNo(),
            "No",
            "Encode header text that is not ASCII as RFC 2047 says.",
        ),
    ),
    "Choices about code pages and MIME; with the defaults mail goes out as from CSSMTP.",
    since="extension",
    extension=True,
    evidence="X",
)
