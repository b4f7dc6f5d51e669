"""The SMF record of a mail (subtype 50), straight from the event to bytes, because there may be one for every mail.

Promises: the same record as `smf.encode` would make, of the same layouts; what is the same for all mails of a spool file is
packed once (smf119.md 6 to 8 and 11).
Never: decides whether a record is wanted, makes a `Record` (`smf.decode` does, when it is read).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cssmtp.model import Envelope, Verdict
from cssmtp.observe.events import MailDiscarded, MailEnded, MailRejected, MailResult, SpoolFile
from cssmtp.observe.smf import assembled, directory, group
from cssmtp.observe.smf_content import Origin, common, identification, spool_identification
from cssmtp.observe.smf_fields import hundredths
from cssmtp.observe.smf_layouts import (
    COMMON,
    IDENTIFICATION,
    MAIL,
    MAIL_IDENTIFICATION,
    RECIPIENT,
    SPOOL_IDENTIFICATION,
    Subtype,
)

FILES_KEPT = 64
"""Spool files whose sections are kept. More than are worked on at a time."""

_DELIVERED = Verdict.DELIVERED
_DELIVERED_WORD, _UNDELIVERABLE_WORD = _DELIVERED.value, Verdict.UNDELIVERABLE.value
_SENT = MailResult.SENT.value
_pack_mail, _pack_recipient, _pack_identification = MAIL.pack, RECIPIENT.pack, MAIL_IDENTIFICATION.pack


@dataclass(frozen=True, slots=True)
class Wire:
    """What is known of a target's latest connection: whether clear mail goes to it with TLS, and which TLS it speaks."""

    secure: bool = False
    tls_protocol: str = ""


UNKNOWN_WIRE = Wire()


class MailRecords:
    """Makes the records of one gateway's mails. Each answer is one whole record, as that of `smf.encode`."""

    def __init__(self, origin: Origin) -> None:
        self._system_id = origin.system_name[:4]
        self._head = directory(Subtype.MAIL, (1, 1, 1, 0))
        self._head += IDENTIFICATION.write(identification(origin)) + COMMON.write(common(origin))
        self._fronts: dict[int, tuple[SpoolFile, bytes]] = {}

    def ended(self, event: MailEnded, wires: dict[str, Wire], now: datetime) -> bytes:
        """A mail has ended at `now`. `wires` knows the targets by address."""
        envelope, outcomes = event.envelope, event.outcomes
        required = envelope.tls_required
        encrypted, delivered = True, 0
        recipients = []
        for address, outcome in zip(envelope.recipients, outcomes, strict=False):
            word, target = _DELIVERED_WORD, outcome.target
            if outcome.verdict is _DELIVERED:
                delivered += 1
                encrypted = encrypted and (required or wires.get(target, UNKNOWN_WIRE).secure)
            else:
                word = outcome.verdict.value
            recipients.append(_pack_recipient(verdict=word, address=address, target=target, reason=outcome.reason))
        if delivered and delivered == len(outcomes) and not envelope.bad_recipients:
            result, reason = _SENT, outcomes[-1].reason
        else:
            result, reason = event.result.value, event.reason
            recipients += _bad(envelope)
        encrypted = encrypted and delivered > 0
        target = event.address
        mail = _pack_mail(
            read=(read := now - timedelta(seconds=event.seconds)),
            ended=now,
            number=event.mail,
            octets=event.size,
            tries=event.tries,
            recipients=len(recipients),
            delivered=delivered,
            result=result,
            tls_required=required,
            encrypted=encrypted,
            tls_protocol=wires.get(target, UNKNOWN_WIRE).tls_protocol if encrypted else "",
            spool_id=event.file.id,
            sender=envelope.reverse_path,
            target=target,
            reason=reason,
        )
        return self._record(event.file, mail, recipients, read, now)

    def discarded(self, event: MailDiscarded, now: datetime) -> bytes:
        """Test mode discarded a mail."""
        envelope = event.envelope
        named = len(envelope.recipients) + len(envelope.bad_recipients)
        mail = _unsent(event.file, event.mail, "discarded", now, envelope=envelope, octets=event.size, recipients=named)
        return self._record(event.file, mail, _bad(envelope), now, now)

    def rejected(self, event: MailRejected, now: datetime) -> bytes:
        """A mail was never sent for errors of the deck."""
        return self._record(event.file, _unsent(event.file, event.mail, "rejected", now, reason=event.reply), (), now, now)

    def _record(self, file: SpoolFile, mail: bytes, recipients: Sequence[bytes], read: datetime, now: datetime) -> bytes:
        sections = self._front(file) + _pack_identification(SMF119ML_MI_STime=hundredths(read))
        return assembled(Subtype.MAIL, now, self._system_id, sections, (group("mail", (mail,)), group("recipients", recipients)))

    def _front(self, file: SpoolFile) -> bytes:
        """The sections that all mails of a file share."""
        found = self._fronts.get(id(file))
        if found is not None:  # the file is kept beside its sections, so that nobody else can have its id
            return found[1]
        if len(self._fronts) >= FILES_KEPT:
            del self._fronts[next(iter(self._fronts))]
        front = self._head + SPOOL_IDENTIFICATION.write(spool_identification(file))
        self._fronts[id(file)] = file, front
        return front


def _bad(envelope: Envelope) -> list[bytes]:
    """The recipients that were no valid path."""
    return [
        _pack_recipient(verdict=_UNDELIVERABLE_WORD, address=bad.text, target="", reason=bad.reply)
        for bad in envelope.bad_recipients
    ]


_NOBODY = Envelope("", "", ())


def _unsent(
    file: SpoolFile,
    number: int,
    result: str,
    now: datetime,
    *,
    envelope: Envelope = _NOBODY,
    octets: int = 0,
    recipients: int = 0,
    reason: str = "",
) -> bytes:
    """The entry of a mail that no target server has seen."""
    return _pack_mail(
        read=now,
        ended=now,
        number=number,
        octets=octets,
        tries=0,
        recipients=recipients,
        delivered=0,
        result=result,
        tls_required=envelope.tls_required,
        encrypted=False,
        tls_protocol="",
        spool_id=file.id,
        sender=envelope.reverse_path,
        target="",
        reason=reason,
    )
