"""The open mail gateway for mainframe batch mail."""

__version__ = "0.1.0"
