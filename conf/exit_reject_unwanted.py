"""A user exit that rejects unwanted mail (docs/user-exit.md): copy it, change the two lists, name it in UserExitFile.

UserExit VERSION4
System
{
  UserExitFile /etc/cssmtp/exit_reject_unwanted.py
}
"""

import re

UNWANTED_RECIPIENTS = re.compile(r"@(?:.*\.)?(?:example\.invalid|competitor\.example)>", re.IGNORECASE)
"""Nobody may write there."""

UNWANTED_OWNERS = {"TEST1", "TEST2"}
"""User IDs whose spool files are rejected as a whole (VERSION4 tells them)."""

GO_ON, ACCEPT, REJECT_FILE, REJECT_MAIL = 0, 4, 8, 12


def user_exit(call):
    """Called for each command of a deck; `call.command` is the command as written."""
    if call.job is not None and call.job.owner in UNWANTED_OWNERS and call.action.name in ("HELO", "EHLO"):
        return REJECT_FILE
    if call.action.name == "RCPT" and UNWANTED_RECIPIENTS.search(call.command):
        return REJECT_MAIL
    return GO_ON
