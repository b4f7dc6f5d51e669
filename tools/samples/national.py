"""Decks in the single-byte pages: the same thirteen variant characters stand at other bytes in each of them."""

from __future__ import annotations

from collections.abc import Iterator

from tools.samples.deck import Deck, Job

VARIANTS = "[ ] { } ^ ~ \\ | ! # $ @ `"


def listing(page: str, subject: str, lines: list[str]) -> list[str]:
    """A mail text that shows the variant characters of `page` in the subject and in the body."""
    return [
        "From: Code Page Desk <pages@mvsa.example.org>",
        f"Subject: {subject} {VARIANTS}",
        "",
        f"Written in page {page}. Variant characters: {VARIANTS}",
        *lines,
        "IF A[1] ^= B{2} | C ! D THEN CALL 'X#Y$Z@' \\ `~` END",
    ]


def plain(name: str, job: Job, page: str, subject: str, lines: list[str]) -> Deck:
    """Variant characters and national letters of one page, to one recipient."""
    deck = Deck(name, f"Page {page}: variant characters and national letters", job, page)
    deck.helo("MVSA.EXAMPLE.ORG")
    deck.mail("pages@mvsa.example.org", ["page-desk@example.net"], listing(page, subject, lines))
    deck.quit()
    return deck


def euro() -> Deck:
    deck = Deck("page-1140-euro", "Page IBM-1140: the euro sign in Subject and body", Job("EUROINV", "JOB04140"), "IBM-1140")
    deck.configuration = {"TargetServer": {"Charset": "ISO8859-15"}}
    deck.helo("MVSA.EXAMPLE.ORG")
    text = [
        "From: Billing <billing@mvsa.example.org>",
        "Subject: Reminder: 1.250,00 € due on 30 November",
        "Content-Type: text/plain; charset=ISO-8859-15",
        "",
        "Invoice 47110815 over 1.250,00 € is open. Fee for this reminder: 5,00 €.",
        "€",
    ]
    deck.mail("billing@mvsa.example.org", ["customer@example.net"], text)
    deck.quit()
    return deck


def swedish() -> Deck:
    deck = Deck("page-1143", "Page IBM-1143: the euro sign stands at X'5A'", Job("LAGER", "JOB04143"), "IBM-1143")
    deck.configuration = {"TargetServer": {"Charset": "ISO8859-15"}}
    deck.helo("MVSS.EXAMPLE.ORG")
    lines = ["Lagervärde: 4 711 € på hyllplats Ö-12. Ås, Älmhult, Örebro: räkna om."]
    deck.mail("lager@mvss.example.org", ["inkop@example.net"], listing("IBM-1143", "Återköp 99 €", lines))
    deck.quit()
    return deck


def decks() -> Iterator[Deck]:
    german = ["Lohnlauf Müller, Groß und Söhne: Überweisung (§ 3 Abs. 2) erfolgt.", "ÄÖÜ äöü ß é µ ° ± × ÷"]
    danish = ["Lønkørsel for Ærø, Ålborg og Øster Søgade er afsluttet.", "ÆØÅ æøå"]
    yield plain("page-037", Job("PAGE037", "JOB04037"), "IBM-037", "Nightly", ["Tariff table: àéîõü ÇÑ ¢ £ ¥ ¬"])
    yield plain("page-273", Job("LOHN", "JOB04273"), "IBM-273", "Lohnlauf für Österreich", german)
    yield plain("page-277", Job("LOEN", "JOB04277"), "IBM-277", "Lønkørsel på Ærø", danish)
    yield plain("page-500", Job("PAIE", "JOB04500"), "IBM-500", "Paie août à Genève", ["Règlement à l'échéance: ç à è é ù ô."])
    yield plain(
        "page-1047", Job("PAGE1047", "JOB04047"), "IBM-1047", "Nightly", ["C source of z/OS UNIX: int a[2] = {1, 2}; Ý ¬"]
    )
    yield euro()
    yield swedish()
