"""`ezatmail`: the drop-in for programs that call `sendmail`; each call becomes one spool file (ezatmail.md).

Promises: it is started for every mail, so the way of a plain mail imports a handful of small modules: no `re`, `dataclasses`,
`enum`, `typing`, `json`, `pathlib` or `datetime`, each of which costs one to five milliseconds. Hence plain classes with slots
and hand-written scanners here, where the rest of the project has dataclasses and expressions. What few calls need (aliases, MIME,
the other modes) is imported late and may use what it likes.
Never: imports asyncio or anything outside the standard library and this project; speaks SMTP to a network.
"""
