"""The sample decks, written down as data: how records are coded and framed, how a deck is put together, and the decks."""
