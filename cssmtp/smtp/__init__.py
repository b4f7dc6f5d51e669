"""The SMTP client as a state machine: bytes in, events out; no sockets, no clocks."""
