"""`make bench`: run every benchmark of this folder, each beside a public peer or a physical limit, and print the ratios.

`python -m tests.bench NAME [OPTION...]` runs one of them only, with its options (`NAME --help` tells them).
"""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = {
    "codepage": "code page conversion against memmove, iconv, uconv and the standard library",
    "framing": "finding a framing and reading the records",
    "session": "the SMTP session alone against smtp-source",
    "observe": "what log, metrics and SMF cost a mail",
    "ezatmail": "one call of ezatmail against Postfix's sendmail",
    "peers": "the whole path against Postfix, msmtp, smtplib and aiosmtplib",
}


def main(arguments: list[str]) -> int:
    name, options = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name and name not in BENCHMARKS:
        print(f"no benchmark {name}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for each in [name] if name else BENCHMARKS:
        print(f"== {each}: {BENCHMARKS[each]}", flush=True)
        sys.argv = [f"python -m tests.bench {each}", *options]
        importlib.import_module(f"tests.bench.{each}").main()
        print(flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
