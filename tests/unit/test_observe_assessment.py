import io
import json
import subprocess
import sys
from dataclasses import replace

from cssmtp.model import BadRecipient, Fault, FaultKind
from cssmtp.observe.assessment import ERRORS_SHOWN, AssessedMail, Assessment, Judgement, show
from cssmtp.observe.facts import Disposition

BAD = BadRecipient("<bad path", 4, "501 5.5.4 JES Syntax error. Invalid path after 'RCPT' command")
MAIL = AssessedMail(1, Judgement.DELIVERABLE, "a@example.org", ("b@example.net", "c@example.net"), (), 1024)
FAULT = Fault(FaultKind.UNKNOWN_COMMAND, 12, 1, "BCC: x", "500 5.5.1 JES Unknown command, 'BCC:'", True)
CLEAN = Assessment("decks/one.ebc", "fixed 80", "IBM-1047", 40, (MAIL,), (), 0, False, Disposition.DELETE)
FAULTY = replace(CLEAN, errors=(FAULT,), counted_errors=1, disposition=Disposition.HOLD)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(*assessments: Assessment) -> str:
    stream = io.StringIO()
    show(assessments, stream)
    return stream.getvalue()


def test_json_has_exactly_the_promised_keys_in_order() -> None:
    text = replace(FAULTY, mails=(replace(MAIL, verdict=Judgement.UNDELIVERABLE, bad_recipients=(BAD,)),)).to_json()
    assert text == (
        '{"file": "decks/one.ebc", "framing": "fixed 80", "code_page": "IBM-1047", "records": 40, "mails": [{"number": 1, '
        '"verdict": "undeliverable", "mail_from": "a@example.org", "recipients": ["b@example.net", "c@example.net"], '
        '"bad_recipients": ["<bad path"], "size": 1024}], "errors": [{"record": 12, "mail": 1, '
        '"reply": "500 5.5.1 JES Unknown command, \'BCC:\'", "counted": true}], "counted_errors": 1, '
        '"error_limit_reached": false, "disposition": "hold"}'
    )


def test_json_is_one_line_of_ascii_whatever_the_text() -> None:
    text = replace(CLEAN, file="a\n\u2028ü\ud800\x1b").to_json()
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["file"] == "a\n\u2028ü\ud800\x1b"


def test_words_of_verdict_and_disposition_are_fixed() -> None:
    assert [verdict.value for verdict in Judgement] == ["deliverable", "undeliverable", "rejected"]
    assert (Disposition.DELETE.value, Disposition.HOLD.value) == ("delete", "hold")


def test_clean_means_nothing_to_report() -> None:
    assert CLEAN.clean
    assert not FAULTY.clean
    assert not replace(CLEAN, mails=(replace(MAIL, bad_recipients=(BAD,)),)).clean
    assert not replace(CLEAN, mails=(replace(MAIL, verdict=Judgement.REJECTED),)).clean


def test_table_has_a_row_per_file_and_lists_errors() -> None:
    text = shown(CLEAN, replace(FAULTY, file="decks/two.ebc"))
    assert "decks/one.ebc" in text
    assert text.count("decks/two.ebc") == 2
    assert FAULT.reply in text
    assert "hold" in text


def test_unreadable_file_is_called_so() -> None:
    text = shown(replace(CLEAN, framing="", code_page="", records=0, mails=()))
    assert "unreadable" in text


def test_users_text_is_never_markup_nor_control() -> None:
    fault = replace(FAULT, line="[bold red]x[/] :smile: \x1b[2J", reply="[link=http://example.org]500[/link]")
    stream = Terminal()
    show([replace(FAULTY, file="[red]a[/red]\x1b[31m", errors=(fault, replace(fault, record=0, mail=0)))], stream)
    plain_text = stream.getvalue()
    assert "\\x1b[2J" in shown(replace(FAULTY, errors=(fault,)))
    assert "\x1b[2J" not in plain_text
    assert "\x1b[31m\n" not in plain_text
    assert "[bold red]x[/] :smile:" in shown(replace(FAULTY, errors=(fault,)))
    assert "[link=http://example.org]500[/link]" in shown(replace(FAULTY, errors=(fault,)))


def test_many_errors_are_cut_for_people_only() -> None:
    many = replace(FAULTY, errors=tuple(replace(FAULT, record=number) for number in range(1, ERRORS_SHOWN + 6)))
    assert "and 5 more errors" in shown(many)
    assert len(json.loads(many.to_json())["errors"]) == ERRORS_SHOWN + 5
    assert "more errors" not in shown(FAULTY)


def test_output_that_is_no_terminal_has_no_escape_sequences_and_loses_no_name() -> None:
    name = "directory/" * 20 + "file"
    text = shown(replace(FAULTY, file=name, errors=()))
    assert "\x1b" not in text
    assert "".join(row.strip().split("   ")[0] for row in text.splitlines()[3:]) == name


def test_rich_is_not_loaded_before_a_table_is_made() -> None:
    program = "import sys, cssmtp.observe.assessment; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
