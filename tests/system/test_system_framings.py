"""The same deck in every framing is the same mail, to the byte (jes-spool.md 13)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.gateways import Spool, check, mail_server, run_until_idle, write_configuration
from tools.samples.framings import FRAMINGS

LINES = (
    "HELO MVSA",
    "MAIL FROM:<ops@b.example>",
    "RCPT TO:<one@d.example>",
    "RCPT TO:<two@d.example>",
    "DATA",
    "Subject: the same deck in all framings",
    "",
    "..a line with a period in front, " + "and words up to the last column".ljust(45, "."),
    "",
    "    four blanks in front",
    "x" * 80,
    ".",
    "MAIL FROM:<>",
    "RCPT TO:<three@d.example>",
    "DATA",
    "no header at all",
    ".",
    "QUIT",
)
ASCII = {"crlf", "lf"}
GENERATED = re.compile(rb"^(Received|Date|Message-ID): .*\r\n(?:[ \t].*\r\n)*", re.MULTILINE)


def framed(kind: str, lines: Sequence[str]) -> bytes:
    encoding = "ascii" if kind in ASCII else "cp037"
    return FRAMINGS[kind]([line.encode(encoding) for line in lines], 84)


def fixed(lines: Sequence[str], width: int) -> bytes:
    return FRAMINGS["fixed"]([line.encode("cp037") for line in lines], width)


def test_the_same_deck_in_all_framings_is_the_same_mail(tmp_path: Path) -> None:
    decks: dict[str, tuple[bytes, dict[str, Any] | None]] = {}
    for kind in FRAMINGS:
        data = fixed(LINES, 80) if kind == "fixed" else framed(kind, LINES)
        decks[f"{kind} declared"] = (data, {"framing": kind, **({"lrecl": 80} if kind == "fixed" else {})})
        decks[f"{kind} detected"] = (data, None)
    decks["fixed 133 declared"] = (fixed(LINES, 133), {"framing": "fixed", "lrecl": 133})
    decks["fixed 133 detected"] = (fixed(LINES, 133), None)
    decks["text without last line end"] = (framed("nl15", LINES)[:-1], None)
    spool = Spool(tmp_path / "spool")
    for number, (data, sidecar) in enumerate(decks.values()):
        spool.drop(f"DECK{number}", data, sidecar)
        (tmp_path / f"DECK{number}").write_bytes(data)
    with mail_server(tmp_path) as server:
        finished = run_until_idle(spool, write_configuration(tmp_path, server.target))
        received = list(server.mails)
    assert (finished.status, spool.entries(), spool.reports()) == (0, [], {})
    texts = {(mail.sender, mail.recipients, GENERATED.sub(b"", mail.content)) for mail in received}
    assert texts == {
        (
            "ops@b.example",
            ("one@d.example", "two@d.example"),
            "\r\n".join((*LINES[5:7], LINES[7][1:], *LINES[8:11], "")).encode("ascii"),
        ),
        ("", ("three@d.example",), b"\r\nno header at all\r\n"),
    }
    assert len(received) == 2 * len(decks)
    _, results = check(sorted(tmp_path.glob("DECK*")))
    sizes = {tuple(mail["size"] for mail in result["mails"]) for result in results.values()}
    assert sizes == {(sum(len(line) + 2 for line in LINES[5:11]) - 1, len(LINES[15]) + 2)}
