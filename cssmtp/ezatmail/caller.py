"""Who calls: the real user, and the sender and From field that follow from it (ezatmail.md 3.9).

Promises: the owner of the process counts, never what its environment says, but for the full name.
Never: trusts a name to be ASCII or free of control characters.
"""

import posix
import pwd
import sys

from cssmtp.ezatmail.addresses import ATOM, is_local
from cssmtp.ezatmail.refusal import OS_ERROR, Refusal

NULL_SENDER_NAME = "MAILER-DAEMON"
_JOB_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$#@")
_CONTROLS = bytes([*range(0x20), 0x7F])
_WORD_CHARACTERS = ATOM | {" "}


class Caller:
    """The user with the login name `name` and the full name `full_name` (bytes of the password file, b"" when there is none)."""

    __slots__ = ("full_name", "name", "uid")

    def __init__(self, uid: int, name: str, full_name: bytes) -> None:
        self.uid = uid
        self.name = name
        self.full_name = full_name

    @property
    def job_name(self) -> str:
        """The job name of the spool file: the login name in capitals, at most 8 characters (ezatmail.md 6.3)."""
        return "".join(each for each in self.name.upper() if each in _JOB_CHARACTERS)[:8] or "SENDMAIL"

    @property
    def address(self) -> str:
        """The login name as a local part; quoted when it has other characters than an address may have."""
        if is_local(self.name):
            return self.name
        return quoted("".join(each for each in self.name if " " <= each <= "~"))


def real_caller() -> Caller:
    """The user who runs this process. Raises `Refusal` (71) when the user id has no name."""
    uid = posix.getuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise Refusal(OS_ERROR, f"there is no user with the id {uid}; add it to the password file") from None
    return Caller(uid, entry.pw_name, full_name_of(_bytes_of(entry.pw_gecos), _bytes_of(entry.pw_name)))


def _bytes_of(text: str) -> bytes:
    """What `pwd` has decoded, as it was."""
    return text.encode(sys.getfilesystemencoding(), "surrogateescape")


def full_name_of(gecos: bytes, login: bytes) -> bytes:
    """The full name in a gecos field: up to the first comma, `&` standing for the login name with a capital letter."""
    return gecos.partition(b",")[0].replace(b"&", login[:1].upper() + login[1:]).strip()


def quoted(text: str) -> str:
    """`text` as a quoted string (RFC 5322 3.2.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def from_value(address: str, full_name: bytes) -> bytes:
    """The value of a From field: the name as words, as a quoted string or, when it is not ASCII, as encoded words.

    Control characters in the name are left out.
    """
    name = full_name.translate(None, _CONTROLS).strip()
    path = f"<{address}>".encode("ascii")
    if not name:
        return address.encode("ascii")
    if name.isascii():
        text = name.decode("ascii")
        return (text if _WORD_CHARACTERS.issuperset(text) else quoted(text)).encode("ascii") + b" " + path
    from cssmtp.ezatmail.encodedwords import encoded_words

    return encoded_words(name) + b" " + path
