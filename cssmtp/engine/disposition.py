"""What happens when all is said about a spool file or a mail: the decisions, and nothing else.

Promises: pure functions of facts and configuration. Never: does what it decides.
"""

from __future__ import annotations

import enum

from cssmtp.config.model import BadSpoolDisp, Undeliverable
from cssmtp.observe.events import Disposition


class Afterwards(enum.Enum):
    """What follows when a mail could not be delivered to someone."""

    NOTICE = "notice"
    DEAD_LETTER = "dead letter"
    NOTHING = "nothing"


def disposition(bad: bool, policy: BadSpoolDisp) -> Disposition:
    """Good files are deleted; a bad spool file follows BadSpoolDisp (mail-processing.md 16).

    `bad` covers errors in the deck and undeliverable mail alike, even when its notice was accepted (section 19, point 29).
    """
    return Disposition.HOLD if bad and policy is BadSpoolDisp.HOLD else Disposition.DELETE


def afterwards(policy: Undeliverable, reverse_path: str) -> Afterwards:
    """The tree of mail-processing.md 13.1 for mail whose reverse-path is `reverse_path` ("" = null)."""
    if not policy.return_to_mail_from:
        return Afterwards.NOTHING
    return Afterwards.NOTICE if reverse_path else Afterwards.DEAD_LETTER
