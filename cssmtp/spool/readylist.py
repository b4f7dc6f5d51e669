"""What waits in `ready`, remembered between selections so that a selection is cheap when very much waits.

Promises: work order (priority, then age); every entry returned was there when it was looked at; what this process adds is seen by
the next selection, what others add at the latest after `REREAD_SECONDS`, or when there is not enough left to select.
Never: decides who gets an entry; a claim does.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from pathlib import Path

from cssmtp.spool.store import SelectedBy, SpoolEntry, selectable
from cssmtp.spool.tree import Tree

REREAD_SECONDS = 2.0
LOOKED_AT_ONCE = 256
"""New entries that a selection by writer or by destination alone looks at; the next one goes on there. It keeps short a search
for the few in very many, of which nobody knows yet what they are."""


class _Priority:
    """The entries of one priority: ids not looked at yet, and those looked at, by the names that select them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: set[str] = set()
        self.fresh: list[str] = []
        self.selected_by: dict[str, list[str]] = {}

    def reread(self, names: list[str]) -> None:
        """Takes over a directory listing: what is new in it waits to be looked at, what is gone is forgotten."""
        present = set(names)
        self.fresh = [id for id in self.fresh if id in present] + [name for name in names if name not in self.known]
        self.fresh.sort(reverse=True)
        self.selected_by = {name: [id for id in ids if id in present] for name, ids in self.selected_by.items()}
        self.known = present

    def forget(self, id: str) -> None:
        """The entry is not there any more; should it come back, it is new."""
        self.known.discard(id)
        for ids in self.selected_by.values():
            index = bisect_left(ids, id)
            if ids[index : index + 1] == [id]:
                del ids[index]


class ReadyList:
    """The directory `ready` of a spool. `set_aside` is told of entries that cannot be used. Safe to use from several threads."""

    def __init__(self, tree: Tree, set_aside: Callable[[SpoolEntry], None]) -> None:
        self._tree = tree
        self._set_aside = set_aside
        self._priorities: dict[str, _Priority] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()
        self._looks: float = 0

    def select(self, name: str, limit: int, by: SelectedBy | None = None) -> list[SpoolEntry]:
        """Entries whose writer or destination user is `name`, at most `limit` (0: all); see `SpoolStore.select`."""
        if by is not None:
            name = f"{by.value}:{name}"
        with self._lock:
            self._looks = float("inf") if by is None else LOOKED_AT_ONCE
            reread = limit == 0 or self._tree.ready_changed or self._tree.clock.monotonic() - self._read_at >= REREAD_SECONDS
            if reread:
                self._reread()
            found = self._collect(name, limit)
            if len(found) < limit and not reread and by is None:
                self._reread()
                found = self._collect(name, limit)
            return found

    def _reread(self) -> None:
        tree = self._tree
        tree.ready_changed = False
        self._read_at = tree.clock.monotonic()
        present = tree.names(tree.ready)
        self._priorities = {name: self._priorities.get(name) or _Priority(tree.ready / name) for name in present}
        for priority in self._priorities.values():
            priority.reread(tree.names(priority.path))

    def _collect(self, name: str, limit: int) -> list[SpoolEntry]:
        found: list[SpoolEntry] = []
        for priority in self._priorities.values():
            for entry in self._of_priority(priority, name):
                found.append(entry)
                if len(found) == limit:
                    return found
            if self._looks <= 0:
                break
        return found

    def _of_priority(self, priority: _Priority, name: str) -> Iterator[SpoolEntry]:
        """The entries of one priority for that name: those looked at already and new ones, merged by age."""
        waiting = list(priority.selected_by.get(name, ()))
        for id in waiting:
            while priority.fresh and priority.fresh[-1] < id:
                if self._looks <= 0:
                    return
                entry = self._look_at(priority)
                if entry is not None and name in _selectors(entry):
                    yield entry
            entry = self._tree.entry(priority.path / id, id, "ready")
            if entry is None:
                priority.forget(id)
            elif selectable(entry.attributes):
                yield entry
            else:
                priority.forget(id)
                self._set_aside(entry)
        while priority.fresh and self._looks > 0:
            entry = self._look_at(priority)
            if entry is not None and name in _selectors(entry):
                yield entry

    def _look_at(self, priority: _Priority) -> SpoolEntry | None:
        """Reads the attributes of the oldest new entry and remembers which names select it."""
        self._looks -= 1
        id = priority.fresh.pop()
        entry = self._tree.entry(priority.path / id, id, "ready")
        if entry is None or not selectable(entry.attributes):
            priority.known.discard(id)
            if entry is not None:
                self._set_aside(entry)
            return None
        for selector in _selectors(entry):
            insort(priority.selected_by.setdefault(selector, []), id)
        return entry


def _selectors(entry: SpoolEntry) -> set[str]:
    """The names that select an entry: its writer and its destination user (jes-spool.md 2), alone and with what they are.

    An entry whose writer and destination are the same counts as selected by writer.
    """
    writer, user = entry.attributes.writer, entry.attributes.dest_user
    found = {writer, f"{SelectedBy.WRITER.value}:{writer}"} if writer else set()
    return found | {user, f"{SelectedBy.DEST.value}:{user}"} if user and user != writer else found
