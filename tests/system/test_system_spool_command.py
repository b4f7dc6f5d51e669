"""From `cssmtp spool` to the wire: one deck put in every framing is the same mail to the byte; what an operator holds stays."""

from __future__ import annotations

import re
from pathlib import Path

from cssmtp.spool.framing import Framing, FramingKind
from tests.gateways import Spool, command, mail_server, run_until_idle, write_configuration
from tests.spoolkit import ALL_FRAMINGS, deck, framed, name_of

GENERATED = re.compile(rb"^(Received|Date|Message-ID):.*\r\n(?:[ \t].*\r\n)*", re.MULTILINE)


def test_one_deck_put_in_every_framing_is_byte_identical_mail(tmp_path: Path) -> None:
    decks = {name_of(framing): framed(deck(framing), framing) for framing in ALL_FRAMINGS}
    lines = deck(Framing(FramingKind.LF, 0, "ascii"))
    decks["printer"] = b"\f" + b"\r\n".join(lines[:7]) + b"\r\n\f" + b"\r\n".join(lines[7:]) + b"\r\n\f"
    for name, data in decks.items():
        (tmp_path / name).write_bytes(data)
    asa = [b"\x40" + line for line in deck(Framing(FramingKind.RDW))]
    (tmp_path / "asa").write_bytes(framed(asa, Framing(FramingKind.FIXED, 133)))
    spool = Spool(tmp_path / "spool")
    where = ("--spool", tmp_path / "spool", "--writer", "CSSMTP")
    assert command("spool", "init", tmp_path / "spool").status == 0
    put = command("spool", "put", *where, *(tmp_path / name for name in decks))
    assert (put.status, len(put.output.splitlines())) == (0, len(decks))
    fba = command("spool", "put", *where, "--recfm", "FBA", "--lrecl", "133", tmp_path / "asa")
    assert fba.status == 0
    held = command("spool", "put", *where, "--outdisp", "HOLD", "--jobname", "STAYS", tmp_path / "lf-ascii")
    assert held.status == 0
    with mail_server(tmp_path) as server:
        finished = run_until_idle(spool, write_configuration(tmp_path, server.target))
        received = list(server.mails)
    assert finished.status == 0
    assert [entry.jobname for entry in spool.entries()] == ["STAYS"]
    assert len(received) == len(decks) + 1
    texts = {(mail.sender, mail.recipients, GENERATED.sub(b"", mail.content)) for mail in received}
    assert texts == {("a@b.example", ("c@d.example",), b"Subject: hello\r\n\r\nbody\r\n.dot\r\n")}
