"""A disk on which everything ends after so many steps: the seam `cssmtp.spool.disk.Disk` made to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from cssmtp.errors import SpoolError
from cssmtp.spool.disk import Disk


class Death(BaseException):
    """The process is gone: nothing of ours runs after it, so the disk does nothing any more either."""


class Dying(Disk):
    """A disk that works for `left` steps; then `end` happens at every step."""

    def __init__(self, left: int, end: Callable[[Path], BaseException]) -> None:
        self.left, self.end = left, end

    def _step(self, path: Path) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.end(path)

    def write(self, path: Path, chunks: Iterable[bytes]) -> int:
        self._step(path)
        return super().write(path, chunks)

    def duplicate(self, source: Path, target: Path) -> None:
        self._step(target)
        super().duplicate(source, target)

    def append(self, path: Path, data: bytes) -> None:
        self._step(path)
        super().append(path, data)

    def sync_path(self, path: Path) -> None:
        self._step(path)
        super().sync_path(path)

    def move(self, source: Path, target: Path) -> None:
        self._step(source)
        super().move(source, target)

    def make_directory(self, path: Path, mode: int = 0o700) -> None:
        self._step(path)
        super().make_directory(path, mode)

    def remove(self, path: Path) -> None:
        self._step(path)
        super().remove(path)


def death(path: Path) -> BaseException:
    return Death()


def full(path: Path) -> BaseException:
    return SpoolError(f"{path}: no room")
