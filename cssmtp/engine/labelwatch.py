"""Warnings about labels that are not true of what a target gets (code-pages.md 8.2).

Promises: each of the two warnings once per target, however many mails there are; a mail costs two looks at its facts.
Never: changes a mail.
"""

from __future__ import annotations

from collections.abc import Callable

from cssmtp.codepage.registry import lookup
from cssmtp.config.model import Configuration, MimeLabel, TargetServer
from cssmtp.mail.labels import denotes
from cssmtp.model import DeckMail
from cssmtp.observe.events import CharsetLabelDiffers, Event, RawHeaderText, SpoolFile


class LabelWatch:
    """Remembers which targets have been warned about."""

    def __init__(self) -> None:
        self._told: set[tuple[type[Event], TargetServer]] = set()

    def look(
        self,
        file: SpoolFile,
        mail: DeckMail,
        target: TargetServer,
        charset: str,
        configuration: Configuration,
        data: bytes | None,
        publish: Callable[[Event], None],
    ) -> None:
        """Look at a mail with a charset label, or with header text that is not ASCII, which goes to `target` in `charset`.

        `data` is the composed mail, None when it is large: then it is taken to hold more than ASCII.
        """
        options, facts, page = configuration.code_pages, mail.header, lookup(charset)
        label = facts.mime_charset
        if label and options.mime_label is not MimeLabel.FORCE and not denotes(label, page) and not _plain(data):
            event: Event = CharsetLabelDiffers(file, mail.number, target.addresses[0].value, label, charset)
            self._once(event, target, publish)
        if not facts.ascii and not (options.encode_headers and page.label) and not _plain(data):
            self._once(RawHeaderText(file, mail.number, target.addresses[0].value, charset), target, publish)

    def _once(self, event: Event, target: TargetServer, publish: Callable[[Event], None]) -> None:
        if (type(event), target) not in self._told:
            self._told.add((type(event), target))
            publish(event)


def _plain(data: bytes | None) -> bool:
    """Whether a composed mail is the same in every charset: ASCII, and no escape sequences."""
    return data is not None and data.isascii() and b"\x1b" not in data
