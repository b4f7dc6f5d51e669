"""The spool: data sets with attributes, found, claimed, read as records and lines, and disposed of.

Promises: synchronous; users' bytes are never changed; memory is bounded whatever the size of a file.
Never: imports asyncio, knows batch SMTP or mail.
"""
