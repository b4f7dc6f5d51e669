"""Making several spool files out of one, each exactly once, whatever crashes (ezbmcopy.md 7, jes-spool.md 11).

The copies are built inside the directory of the claimed original, and the disk alone tells how far the work went:

    busy/ID@OWNER/copies.new/    being built; worth nothing, built anew after a crash
    busy/ID@OWNER/copies/COPY/   complete, forced to disk, not published
    ready/PPP/COPY/              published

`copies.new` becomes `copies` by one rename: from then on the number of copies, their ids and attributes are settled. Each copy
goes from `copies` to its place by one rename: a copy that is still in `copies` was never seen by anybody, a copy that is not was
published, and that stays so when a fast gateway has long processed and purged it. A crash at any step therefore leaves nothing to
guess: whoever claims the original next (the copies travel in its directory through `recover`, hold and release) publishes what is
still there. The original is purged when `copies` is empty; purging is one rename too.

One window is left, and only for a machine that loses its power: a copy has appeared, its rename is not yet forced to disk, and a
mailer has delivered it already. A journal that keeps the order of renames (ext4, xfs, btrfs) closes it: what the mailer forced to
disk afterwards takes our rename along.

Promises: each copy appears once and whole; the original is there until all have appeared, and forced to disk before it goes.
Never: looks into the data; changes a copy that was settled, although the caller may ask for others after a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cssmtp.errors import SpoolError, UnreadableData
from cssmtp.spool.attributes import Attributes, from_json, to_json
from cssmtp.spool.directory import DirectoryClaim
from cssmtp.spool.store import SpoolEntry, selectable

STAGED = "copies"
"""The directory inside the original's directory that holds settled copies."""


def stage(claim: DirectoryClaim, copies: Sequence[Attributes]) -> bool:
    """Builds one copy of the claimed file for each of `copies` (at least one); they get ids and tokens of their own.

    False when an earlier owner had settled the copies: those stand. Raises `SpoolError` when the spool fails, `UnreadableData`
    when the data, or the attributes wanted, cannot be read; then nothing is settled, and the claim is as it was.
    """
    if not copies:
        raise ValueError("a file without copies would be lost")
    disk, staged = claim.tree.disk, claim.path / STAGED
    if staged.is_dir():
        return False
    building = claim.path / f"{STAGED}.new"
    disk.remove(building)
    try:
        disk.make_directory(building)
        for wanted in copies:
            id, attributes = claim.tree.complete(replace(wanted, token=""))
            written = to_json(attributes)
            if problems := from_json(written, Attributes())[1]:
                raise UnreadableData(f"its copy would have attributes that nobody can read: {'; '.join(problems)}")
            copy = building / id
            disk.make_directory(copy)
            disk.duplicate(claim.path / "data", copy / "data")
            disk.write(copy / "attrs.json", [written])
            disk.sync_path(copy)
        disk.sync_path(building)
        disk.move(building, staged)
    except (SpoolError, UnreadableData):
        disk.remove(building)
        raise
    return True


def publish(claim: DirectoryClaim) -> Iterator[SpoolEntry]:
    """Moves every settled copy that has not been published to its place, telling each, and at last purges the original.

    The caller must take the iterator to its end. Raises `SpoolError` when the spool fails, `UnreadableData` when a settled copy
    is damaged; a later call goes on from there. The copies must have been staged (`ValueError`).
    """
    tree, staged = claim.tree, claim.path / STAGED
    if not staged.is_dir():
        raise ValueError("no copies are settled")
    tree.disk.sync_path(claim.path)
    for id in tree.names(staged):
        attributes = tree.read(staged / id)
        if attributes is None:
            raise UnreadableData(f"attrs.json of its settled copy {id} cannot be understood")
        target = tree.home(id, attributes)
        tree.move(staged / id, target)
        yield SpoolEntry(id, attributes, "ready" if selectable(attributes) else "held", target)
    claim.purge()
