"""Decks in the double-byte pages and in the single-byte pages beyond Latin-1, each for one charset of a target.

Promises: plain texts with a Subject in the language of the page, without MIME fields, so that labels can be tried on them.
Never: encodes by itself (see `pages`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tools.samples.deck import Deck, Job, Json

DOUBLE_BYTE = frozenset({"IBM-930", "IBM-933", "IBM-935", "IBM-937", "IBM-939", "IBM-1388", "IBM-1399"})

JAPANESE = (
    "ご請求書（十一月分）",
    ["いつもお世話になっております。", "ﾌﾘｶﾐﾋﾞ 11/30 までに 12,500 円をお振込みください。", "〜経理部 山田 (内線 4711)"],
)
JAPANESE_930 = ("ご請求書", ["いつもお世話になっております。", "TOTAL 12,500 円 (11/30)", "経理部"])
KOREAN = ("청구서 안내", ["안녕하십니까? 11월 청구서입니다.", "합계 12,500원을 11/30까지 입금해 주십시오.", "經理部 金 (4711)"])
SIMPLIFIED = ("发票通知（十一月）", ["您好，附上十一月的发票。", "金额 12,500 元，请于 11/30 前付款。", "财务部"])
TRADITIONAL = ("發票通知（十一月）", ["您好，附上十一月的發票。", "金額 12,500 元，請於 11/30 前付款。", "財務部"])
GREEK = ("Τιμολόγιο Νοεμβρίου", ["Αγαπητοί πελάτες, σας στέλνουμε το τιμολόγιο.", "Ποσό 1.250,00 έως 30/11. Ευχαριστούμε πολύ!"])
RUSSIAN = ("Счёт за ноябрь", ["Уважаемые клиенты! Высылаем счёт за ноябрь.", "Сумма 1 250,00 до 30.11. Спасибо, бухгалтерия № 7"])
POLISH = ("Faktura za listopad – żółć", ["Zażółć gęślą jaźń. Příliš žluťoučký kůň.", "Kwota 1 250,00 zł do 30.11."])
TURKISH = (
    "Kasım ayı faturası",
    ["Sayın müşterimiz, İstanbul şubesinin faturası ektedir.", "Tutar 1.250,00 TL, son gün 30.11. Iğdır ığüşöç"],
)
HEBREW = ("חשבונית לחודש נובמבר", ["שלום רב, מצורפת החשבונית.", "סכום 1,250.00 עד 30/11"])


@dataclass(frozen=True)
class Listing:
    """One deck. `number` makes its job id."""

    name: str
    page: str
    charset: str
    number: int
    subject: str
    lines: list[str]
    about: str = ""

    @property
    def configuration(self) -> Json:
        """What the configuration must say. The page of the file itself is named in its sidecar."""
        if self.page in DOUBLE_BYTE:
            return {"MBCS": "Yes", "Translate": "IBM-939", "TargetServer": {"MBCharset": self.charset}}
        return {"TargetServer": {"Charset": self.charset}}

    def deck(self) -> Deck:
        about = self.about or f"Page {self.page} for a target that takes {self.charset}"
        deck = Deck(self.name, about, Job(f"PG{self.number}", f"JOB{self.number:05}"), self.page)
        deck.configuration = self.configuration
        deck.helo("MVSW.EXAMPLE.ORG")
        text = ["From: Billing <billing@mvsw.example.org>", f"Subject: {self.subject}", "", *self.lines, "."]
        deck.mail("billing@mvsw.example.org", ["customer@example.net"], text)
        deck.quit()
        return deck


EUROS = {
    1140: "Total due",
    1141: "Rechnung über Gebühren, fällig [sofort]",
    1142: "Regning på Ærø og Ålborg",
    1143: "Räkning för Åre, Östersund",
    1144: "Fattura: è già scaduta, perché?",
    1145: "Factura de España: ¿cuándo? ¡ya!",
    1146: "Invoice in £ and",
    1147: "Facture échue: à régler, ça presse",
    1148: "International {invoice} [47]",
    1149: "Reikningur: Þingvellir, það er æði",
}
"""Subjects for the pages with the euro."""


def listings() -> Iterator[Listing]:
    for charset in ("IBM-5054", "IBM-943", "UTF-8"):
        short = charset.removeprefix("IBM-").lower()
        lines = [line.translate(_WIDE) for line in JAPANESE[1]] if charset == "IBM-5054" else JAPANESE[1]
        yield Listing(f"japan-939-{short}", "IBM-939", charset, 23939 + len(short), JAPANESE[0], lines)
    yield Listing("japan-930-943", "IBM-930", "IBM-943", 23930, *JAPANESE_930)
    wave = ["営業時間 9:00〜17:00（〜11/30）", "− ‖ —"]
    yield Listing(
        "japan-1399-943", "IBM-1399", "IBM-943", 23399, "9〜17時", wave, "Page IBM-1399: wave dash, minus, double bar and dash"
    )
    yield Listing("korea-933-949", "IBM-933", "IBM-949", 23349, *KOREAN)
    yield Listing("korea-933-970", "IBM-933", "IBM-970", 23370, *KOREAN)
    yield Listing("china-935-1381", "IBM-935", "IBM-1381", 23935, *SIMPLIFIED)
    yield Listing("china-1388-gb18030", "IBM-1388", "IBM-5488", 23388, *SIMPLIFIED)
    yield Listing("taiwan-937-950", "IBM-937", "IBM-950", 23937, *TRADITIONAL)
    for page, subject in EUROS.items():
        lines = ["1.250,00 € / €", "[ ] { } ^ ~ \\ | ! # $ @ `", "€"]
        yield Listing(f"euro-{page}", f"IBM-{page}", "windows-1252", 20000 + page, f"{subject} 99 €", lines)
    yield Listing("greece-875", "IBM-875", "ISO8859-7", 20875, *GREEK)
    yield Listing("russia-1025", "IBM-1025", "windows-1251", 21025, *RUSSIAN)
    yield Listing("poland-870", "IBM-870", "windows-1250", 20870, POLISH[0].replace("–", "-"), POLISH[1])
    yield Listing("turkey-1026", "IBM-1026", "windows-1254", 21026, *TURKISH)
    yield Listing("israel-424", "IBM-424", "ISO8859-8", 20424, *HEBREW)


_WIDE = str.maketrans({"ﾌ": "フ", "ﾘ": "リ", "ｶ": "カ", "ﾐ": "ミ", "ﾋ": "ビ", "ﾞ": None})
"""ISO-2022-JP has no half-width katakana: a deck for it uses the wide ones."""


def decks() -> Iterator[Deck]:
    return (listing.deck() for listing in listings())
