"""Bringing mails to target servers: names, connections, the dialogue, and who gets which mail."""
