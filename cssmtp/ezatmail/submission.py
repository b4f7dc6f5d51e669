"""One mail on its way to the spool: what the modes have in common.

Promises: header, code page, limits and the spool file are made here and nowhere else, the same for the command line and for
`-bs`.
Never: reads standard input or the command line.
"""

from cssmtp.ezatmail.caller import NULL_SENDER_NAME, Caller, from_value
from cssmtp.ezatmail.deck import deck
from cssmtp.ezatmail.drop import submit
from cssmtp.ezatmail.envelope import Groups
from cssmtp.ezatmail.message import Message, complete
from cssmtp.ezatmail.page import open_page
from cssmtp.ezatmail.settings import Settings


def spool(message: Message, sender: str, groups: Groups, full_name: bytes, caller: Caller, settings: Settings, now: float) -> str:
    """Completes the header and writes the spool file; returns its name. Raises `Refusal`.

    `sender` is the envelope sender ("" for the null sender), from which a missing From field is made with `full_name`; `now` is
    seconds since 1970.
    """
    shown = from_value(sender or f"{NULL_SENDER_NAME}@{settings.domain}", full_name)
    complete(message, sender=shown, recipients=[each for _, members in groups for each in members], now=now)
    page = open_page(settings.page)
    header = message.header()
    if page.holds(header) and page.holds(message.body):
        text = [page.encode(header + b"\n"), page.encode(message.body)]
    else:
        from cssmtp.ezatmail.mime import made_safe

        header, body = made_safe(message, page, settings.charset)
        text = [page.encode(header + b"\n"), body]
    attributes = {
        "writer": settings.writer,
        "class": settings.sysout_class,
        "jobname": caller.job_name,
        "framing": "nl15",
        "encoding": page.name,
    }
    return submit(settings.drop, attributes, deck(settings.host, groups, text, page, tls=settings.tls))
