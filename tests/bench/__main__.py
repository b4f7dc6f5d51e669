"""`make bench`: run every benchmark of this folder, each beside a public peer or a physical limit, and print the ratios.

`python -m tests.bench NAME...` runs the named ones only.
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
    "gateway": "the whole path against smtp-source",
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name, text in BENCHMARKS.items():
        if names and name not in names:
            continue
        print(f"== {name}: {text}", flush=True)
        importlib.import_module(f"tests.bench.{name}").main()
        print(flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
