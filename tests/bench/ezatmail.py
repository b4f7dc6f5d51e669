"""One call of ezatmail beside one call of Postfix's sendmail: from start to exit, a mail of 1 KiB safely in the queue.

Run: python -m tests.bench.ezatmail [--rounds N] [--size N]. The calls alternate, so that whatever else the machine does hits
both; the ratio is the median of the ratios of the pairs. Both are durable before they exit: Postfix forces its maildrop file to
disk, we force data, sidecar and directory. Postfix has a queue of its own and no daemon runs. Goal: at most 1.5; 50 calls at
once without an error.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cssmtp.clock import SystemClock
from cssmtp.ezatmail.install import install
from cssmtp.spool.directory import DirectorySpool

POSTFIX = "/usr/sbin/sendmail"
ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 50


def message(size: int) -> bytes:
    """A mail of about `size` octets."""
    head = b"From: a@x.example\nTo: b@x.example\nSubject: bench\n\n"
    line = b"X" * 62 + b"\n"
    return head + line * max(1, (size - len(head)) // len(line))


def set_up_ours(directory: Path) -> list[str]:
    """A spool, a configuration and a launcher; returns the command line."""
    DirectorySpool(directory / "spool", clock=SystemClock(), node="LOCAL").initialise("CSSMTP")
    configuration = directory / "ezatmail.conf"
    configuration.write_text(f"D{{spool}}{directory / 'spool'}\nDMexample.com\n")
    programs = directory / "bin"
    programs.mkdir()
    install(programs)
    return [str(programs / "sendmail"), "-C", str(configuration), "-t", "-i"]


def set_up_script(directory: Path) -> str:
    """The script of the package in an environment of its own, called by a link from elsewhere; returns the link."""
    python = Path(sys.executable).resolve()
    environment = directory / "environment"
    packages = environment / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "cssmtp").symlink_to(ROOT / "cssmtp")
    (environment / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
    (environment / "bin").mkdir()
    (environment / "bin" / "python3").symlink_to(python)
    shutil.copy(ROOT / "bin" / "ezatmail", environment / "bin" / "ezatmail")
    (directory / "sendmail").symlink_to(environment / "bin" / "ezatmail")
    return str(directory / "sendmail")


def set_up_postfix(directory: Path) -> list[str] | None:
    """A queue into which Postfix's sendmail can put mail; None when there is no Postfix or we may not make one."""
    if not os.access(POSTFIX, os.X_OK) or os.geteuid() != 0:
        return None
    directory.chmod(0o755)
    etc, queue = directory / "etc", directory / "queue"
    for path in (etc, queue, queue / "maildrop", queue / "public", queue / "pid"):
        path.mkdir()
    shutil.chown(queue / "maildrop", "postfix", "postdrop")
    shutil.chown(queue / "public", "postfix", "postdrop")
    (queue / "maildrop").chmod(0o730)
    (etc / "main.cf").write_text(f"compatibility_level = 3.6\nqueue_directory = {queue}\nmyhostname = h.example.com\n")
    (etc / "master.cf").write_text("")
    return [POSTFIX, "-C", str(etc), "-t", "-i"]


def call(command: list[str], text: bytes) -> float:
    """Milliseconds of one call, which must succeed."""
    begin = time.perf_counter()
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    elapsed = (time.perf_counter() - begin) * 1e3
    assert done.returncode == 0, done.stderr
    return elapsed


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--rounds", type=int, default=100)
    arguments.add_argument("--size", type=int, default=1024)
    options = arguments.parse_args()
    text = message(options.size)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        ours = set_up_ours(Path(first))
        theirs = set_up_postfix(Path(second))
        script = [set_up_script(Path(first)), *ours[1:]]
        nothing = [sys.executable, "-I", "-S", "-c", "pass"]
        times: dict[str, list[float]] = {
            "ezatmail": [],
            "its script by a link": [],
            "postfix sendmail": [],
            "python doing nothing": [],
        }
        for _round in range(options.rounds):
            times["ezatmail"].append(call(ours, text))
            times["its script by a link"].append(call(script, text))
            times["python doing nothing"].append(call(nothing, b""))
            if theirs:
                times["postfix sendmail"].append(call(theirs, text))
        for name, values in times.items():
            if values:
                print(f"{name:22} median {statistics.median(values):6.2f} ms, best {min(values):6.2f} ms, {len(values)} calls")
        if theirs:
            for name in ("ezatmail", "its script by a link"):
                pairs = [mine / other for mine, other in zip(times[name], times["postfix sendmail"], strict=True)]
                print(f"{name}: ratio of the pairs to Postfix, median {statistics.median(pairs):.2f} (goal: at most 1.5)")
        else:
            print("no ratio: measuring Postfix needs Postfix, and root to make it a queue")
        begin = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda _: call(ours, text), range(AT_ONCE)))
        print(f"{AT_ONCE} at once: {(time.perf_counter() - begin) * 1e3:.0f} ms, no error")


if __name__ == "__main__":
    main()
