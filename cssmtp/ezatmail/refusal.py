"""The exit statuses of ezatmail, and the exception that ends it with one of them (ezatmail.md 6.5).

Promises: every way to fail is a `Refusal` with a status of the table and one line for a person.
Never: used for what the caller cannot see.
"""

OK = 0
USAGE = 64
DATA_ERROR = 65
UNAVAILABLE = 69
SOFTWARE = 70
OS_ERROR = 71
CANNOT_CREATE = 73
TEMPORARY = 75
NO_PERMISSION = 77
CONFIGURATION = 78


class Refusal(Exception):
    """Nothing was sent (no `CssmtpError`, because importing that costs more than it is worth here).

    `exit_code` is one of the statuses above, the text says what is wrong and, where known, the remedy."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.exit_code = status

    def show(self) -> str:
        """One line for a person."""
        return str(self)


def printable(text: str) -> str:
    """`text` fit for one line of a terminal: what is not printable ASCII is shown as `\\xNN` or `?`, at most 200 characters."""
    shown = text if len(text) <= 200 else text[:197] + "..."
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(each if " " <= each <= "~" else f"\\x{ord(each):02x}" if ord(each) < 0x100 else "?" for each in shown)
