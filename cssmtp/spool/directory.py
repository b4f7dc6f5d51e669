"""The spool as a directory tree: one directory per spool file, moved from state to state by rename (jes-spool.md 11).

Promises: publish and claim are one rename each, so an entry has one owner at most and is never seen half made; what a dead owner
left is found again; what is on disk is the only truth, so processes need not know of each other.
Never: follows a link of the drop zone; changes `data`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cssmtp.clock import Clock
from cssmtp.errors import SpoolError
from cssmtp.spool.attributes import UNSELECTED, Attributes, from_json, to_json
from cssmtp.spool.disk import Disk, spool_error
from cssmtp.spool.dropzone import DropZone, undo_admission
from cssmtp.spool.names import one_line
from cssmtp.spool.owner import alive
from cssmtp.spool.readylist import ReadyList
from cssmtp.spool.records import BLOCK_BYTES
from cssmtp.spool.store import STATES, Admission, SelectedBy, SpoolEntry, SpoolStore, Wish, disposition_after, selectable
from cssmtp.spool.tree import CRASHES_ALLOWED, Tree

BROKEN = "attrs.json of the entry cannot be understood, or forbids the state it was in; see the file, then drop its data again"


class DirectorySpool(SpoolStore):
    """A spool in the directory `root`. `node` is our node name; a file of the drop zone without sidecar counts as complete when
    it has not changed for `settle_seconds`."""

    def __init__(self, root: Path, *, clock: Clock, node: str, settle_seconds: float = 2.0, disk: Disk | None = None) -> None:
        self._tree = Tree(root, clock, node, disk or Disk())
        self._zone = DropZone(self._tree, settle_seconds)
        self._ready = ReadyList(self._tree, self._set_aside)
        self._strays: list[tuple[Path, Path]] = []  # claimed, and neither read nor given back: where it is, where it belongs

    def initialise(self, *writers: str) -> None:
        """Makes what is missing of the tree, with a drop directory for each writer name given (`ValueError` for a bad name)."""
        self._tree.initialise()
        for writer in writers:
            self._zone.make(writer)

    def close(self) -> None:
        """Ends this process's ownership: entries still claimed can be recovered by others."""
        self._tree.close()

    def admit(self, writer: str | None = None, arrived: frozenset[str] = frozenset()) -> list[Admission]:
        return self._zone.admit(writer, arrived)

    def settling(self) -> bool:
        return self._zone.settling

    def select(self, writer: str, limit: int = 0, by: SelectedBy | None = None) -> list[SpoolEntry]:
        while self._strays:
            self._give_back(*self._strays.pop())
        return self._ready.select(writer.upper(), limit, by)

    def claim(self, entry: SpoolEntry) -> DirectoryClaim | None:
        tree = self._tree
        target = tree.busy / f"{entry.id}@{tree.owner()}"
        try:
            tree.disk.move(entry.path, target)
        except FileNotFoundError:
            if not target.exists():
                return None
        try:
            attributes = tree.read(target)
            if attributes is None:
                self._set_aside(replace(entry, path=target))
                return None
        except SpoolError:
            self._give_back(target, entry.path)
            raise
        return DirectoryClaim(tree, entry.id, attributes, target)

    def _give_back(self, path: Path, home: Path) -> None:
        """Undo a claim that nobody can work on. What the disk does not let us do now is done at a later selection."""
        try:
            self._tree.move(path, home)
        except FileNotFoundError:
            return
        except SpoolError:
            if path.exists():
                self._strays.append((path, home))
            raise

    def recover(self, *, recorded: Callable[[str], int] | None = None, all_hosts: bool = False, poison: bool = True) -> list[str]:
        """See `SpoolStore.recover`. `all_hosts`, an operator's word, takes back from other hosts too what nobody has locked:
        after the host's name has changed, or when a host will not come back. `poison` False counts no crashes: for a program
        that never looks into the data, so that no file can be what ends it."""
        tree = self._tree
        dead = {name for name in self._owners() if not alive(tree.owners, name, all_hosts=all_hosts)}
        recovered = [
            id
            for name in tree.names(tree.busy)
            if _owner_of(name) in dead and (id := self._recover_claim(name, poison, recorded))
        ]
        for name in tree.names(tree.tmp):
            if _owner_of(name) in dead:
                self._recover_building(name)
        for name in dead:
            tree.disk.remove(tree.owners / name)
        return recovered

    def _owners(self) -> set[str]:
        """Everybody who has claimed or built something, or has a lock file."""
        tree = self._tree
        names = {_owner_of(name) for directory in (tree.busy, tree.tmp) for name in tree.names(directory)}
        return (names | set(tree.names(tree.owners))) - {""}

    def create(self, attributes: Attributes, data: BinaryIO | Iterable[bytes]) -> SpoolEntry:
        tree = self._tree
        id, attributes = tree.complete(attributes)
        problems = from_json(to_json(attributes), Attributes())[1]
        if not attributes.writer and not attributes.dest_user:
            problems.append(UNSELECTED)
        if problems:
            raise ValueError("; ".join(problems))
        built = tree.build("create", id)
        try:
            size = tree.disk.write(built / "data", _chunks(data))
            attributes = replace(attributes, bytes=size)
            tree.disk.write(built / "attrs.json", [to_json(attributes)])
            target = tree.home(id, attributes)
            tree.publish(built, target)
        except BaseException:
            tree.disk.remove(built)
            raise
        tree.disk.sync_path(target.parent)
        return SpoolEntry(id, attributes, "ready" if selectable(attributes) else "held", target)

    def entries(self, state: str | None = None) -> Iterator[SpoolEntry]:
        for each in (state,) if state else STATES:
            for id, path in self._tree.places(each):
                entry = self._tree.entry(path, id, each)
                if entry is not None:
                    yield entry

    def ids(self) -> Iterator[str]:
        for state in STATES:
            for id, _ in self._tree.places(state):
                yield id

    def counts(self) -> dict[str, int]:
        tree = self._tree
        numbers = {state: len(tree.names(tree.root / state)) for state in STATES}
        numbers["ready"] = sum(len(tree.names(tree.ready / name)) for name in tree.names(tree.ready))
        return numbers

    def write_report(self, id: str, report: bytes, attributes: Attributes) -> Path:
        path = self._tree.reports / f"{id}.txt"
        self._tree.disk.replace(path.with_suffix(".json"), to_json(attributes))
        self._tree.disk.replace(path, report)
        return path

    def release(self, entry: SpoolEntry) -> None:
        """Makes a held or kept entry selectable again: HOLD becomes WRITE, LEAVE becomes KEEP; its crashes are forgotten.

        Raises `SpoolError` when the entry is gone.
        """
        outdisp = disposition_after(entry.attributes.outdisp, Wish.KEEP_RELEASE)
        attributes = replace(entry.attributes, outdisp=outdisp, hold="none", hold_reason="")
        self._operate(entry, attributes, b"release")

    def hold(self, entry: SpoolEntry, reason: str = "") -> None:
        """Takes a ready entry out of reach, on an operator's word. Raises `SpoolError` when it is gone."""
        outdisp = disposition_after(entry.attributes.outdisp, Wish.KEEP_HOLD)
        self._operate(entry, replace(entry.attributes, outdisp=outdisp, hold="user", hold_reason=one_line(reason)), b"hold")

    def alter(self, entry: SpoolEntry, attributes: Attributes) -> None:
        """Gives an entry that nobody has claimed other attributes, and the place they ask for. Raises `SpoolError` as `hold`."""
        self._operate(entry, attributes, b"alter")

    def purge(self, entry: SpoolEntry) -> None:
        """Deletes an entry that nobody has claimed. Raises `SpoolError` when it is gone or claimed."""
        _check_unclaimed(entry)
        try:
            self._tree.purge(entry.path, entry.id)
        except FileNotFoundError:
            raise _gone(entry) from None

    def _operate(self, entry: SpoolEntry, attributes: Attributes, word: bytes) -> None:
        """Changes an entry that nobody has claimed; it is claimed meanwhile, so that nobody does."""
        _check_unclaimed(entry)
        claim = self.claim(entry)
        if claim is None:
            raise _gone(entry)
        if claim.attributes != entry.attributes:
            claim.settle(claim.attributes, entry.path)
            raise SpoolError(f"{entry.path}: somebody else has just changed it; list the spool again")
        claim.note(word)
        stays = entry.state == "done" and not selectable(attributes)
        claim.settle(attributes, entry.path if stays else self._tree.home(entry.id, attributes))

    def _set_aside(self, entry: SpoolEntry) -> None:
        """Moves an entry with unusable attributes to `bad`, so that the rest goes on."""
        target = self._tree.root / "bad" / entry.id
        try:
            self._tree.move(entry.path, target)
        except FileNotFoundError:
            return
        self._tree.disk.replace(target / "reason", f"{BROKEN}\n".encode())

    def _recover_claim(self, name: str, poison: bool, recorded: Callable[[str], int] | None) -> str:
        """Puts back one claimed entry of a dead owner; returns its id, "" when somebody else was faster."""
        tree = self._tree
        id = name.rpartition("@")[0]
        path = tree.busy / f"{id}@{tree.owner()}"
        try:
            tree.disk.move(tree.busy / name, path)
            attributes = tree.read(path)
        except FileNotFoundError:
            return ""
        if attributes is None:
            self._set_aside(SpoolEntry(id, Attributes(), "busy", path))
            return id
        claim = DirectoryClaim(tree, id, attributes, path)
        if poison and selectable(attributes):
            claim.note(b"crash", b"" if recorded is None else b" %d" % recorded(id))
            if claim.tries > CRASHES_ALLOWED:
                claim.hold(
                    f"the gateway ended {claim.tries} times while it worked on this file and got no further; "
                    "look at it, then release or purge it"
                )
                return id
        kept = attributes.outdisp == "LEAVE" and attributes.hold == "none"
        tree.move(path, tree.root / "done" / id if kept else tree.home(id, attributes))
        return id

    def _recover_building(self, name: str) -> None:
        """Clears what a dead owner left in the building area: an unfinished admission is undone, all else removed."""
        tree = self._tree
        what = name.rpartition("@")[0]
        path = tree.tmp / f"{what}@{tree.owner()}"
        try:
            tree.disk.move(tree.tmp / name, path)
        except FileNotFoundError:
            return
        if what.startswith("admit."):
            undo_admission(tree, path)
        else:
            tree.disk.remove(path)


@dataclass(slots=True)
class DirectoryClaim:
    """A claimed entry; `path` is its directory in `busy`. See `store.Claim`."""

    tree: Tree
    id: str
    attributes: Attributes
    path: Path
    tried: bool = False  # one of the methods that end the claim was called

    @property
    def size(self) -> int:
        try:
            return (self.path / "data").stat().st_size
        except OSError as fault:
            raise spool_error(fault, self.path / "data") from fault

    @property
    def tries(self) -> int:
        return self.tree.crashes(self.path)

    def open(self) -> BinaryIO:
        try:
            stream = open(self.path / "data", "rb", buffering=BLOCK_BYTES)  # noqa: SIM115 - the caller closes it
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(
                    stream.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL
                )  # read ahead: whoever reads must not wait for the disk
            return stream
        except OSError as fault:
            raise spool_error(fault, self.path / "data") from fault

    def processed(self) -> str:
        outdisp = disposition_after(self.attributes.outdisp, Wish.PROCESSED)
        if outdisp == "PURGE":
            self.purge()
            return "purged"
        self.settle(replace(self.attributes, outdisp=outdisp), self.tree.root / "done" / self.id)
        return "kept"

    def hold(self, reason: str) -> None:
        outdisp = disposition_after(self.attributes.outdisp, Wish.KEEP_HOLD)
        held = replace(self.attributes, outdisp=outdisp, hold="system", hold_reason=one_line(reason))
        self.settle(held, self.tree.home(self.id, held))

    def purge(self) -> None:
        if self._gone():
            self.tree.disk.sync_path(self.path.parent)
        else:
            self.tree.purge(self.path, self.id)

    def release(self) -> None:
        self.tree.move(self.path, self.tree.home(self.id, self.attributes))

    def note(self, word: bytes, more: bytes = b"") -> None:
        """Adds a line to the journal of the entry: what happened, when, and what else is to be known."""
        self.tree.disk.append(self.path / "journal", b"%s %s%s\n" % (word, self.tree.clock.wall().isoformat().encode(), more))

    def settle(self, attributes: Attributes, target: Path) -> None:
        """Writes the last attributes, then moves the entry to its place; a crash in between is finished by `recover`."""
        if self._gone():
            self.tree.disk.sync_path(target.parent)
            self.tree.disk.sync_path(self.path.parent)
        else:
            self.tree.write_attributes(self.path, attributes)
            self.tree.move(self.path, target)
        self.attributes = attributes

    def _gone(self) -> bool:
        """Whether an earlier try has moved the entry before the disk failed: then only the names are still to be forced."""
        again, self.tried = self.tried, True
        return again and not self.path.exists()


def _owner_of(name: str) -> str:
    """The owner in the name of a claimed or half-built entry, "" when there is none."""
    id, _, owner = name.rpartition("@")
    return owner if id else ""


def _check_unclaimed(entry: SpoolEntry) -> None:
    """An entry that a gateway works on belongs to it until it gives it back."""
    if entry.state == "busy":
        raise SpoolError(f"{entry.path}: a gateway is working on it; wait until it is done")


def _gone(entry: SpoolEntry) -> SpoolError:
    return SpoolError(f"{entry.path}: the entry is there no more; list the spool again")


def _chunks(data: BinaryIO | Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(data, Iterable) and not hasattr(data, "read"):
        return data
    return iter(lambda: data.read(BLOCK_BYTES), b"")
