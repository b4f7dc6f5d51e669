"""Answers to commands: lines for people, an object for programs, and whether it was done.

Promises: an answer is never empty and never holds a line break within a line.
Never: decides; that is `handlers`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cssmtp.console.listings import Listing
from cssmtp.messages import DONE, REFUSED, plain


@dataclass(frozen=True, slots=True)
class Reply:
    """`ok` is False when nothing was done; `data` is what `--json` shows."""

    ok: bool
    lines: tuple[str, ...]
    data: dict[str, Any] = field(default_factory=dict)

    def render(self, *, as_json: bool) -> str:
        """The answer as text, each line ended."""
        if as_json:
            return json.dumps({"ok": self.ok, **self.data}, ensure_ascii=False) + "\n"
        return "".join(f"{line}\n" for line in self.lines)


def shown(listing: Listing) -> Reply:
    """The answer that is a display."""
    return Reply(True, tuple(listing.lines()), listing.to_json())


def done(what: str, *details: str, **facts: Any) -> Reply:
    """Something was done; `details` are further lines."""
    lines = (f"{DONE.id} {plain(what)}", *(f"  {plain(detail)}" for detail in details))
    return Reply(True, lines, {"id": DONE.id, "text": what, "details": list(details), **facts})


def refused(command: str, reason: str, details: Sequence[str] = ()) -> Reply:
    """Nothing was done, and why."""
    text = REFUSED.text.format(command=plain(command, 60), reason=plain(reason))
    lines = (f"{REFUSED.id} {text}", *(f"  {plain(detail)}" for detail in details))
    return Reply(False, lines, {"id": REFUSED.id, "text": text, "details": list(details)})
