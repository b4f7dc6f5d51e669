"""Short decks in many languages, written for these tests: one set to tune the advisor on, one to measure it with.

Each is (language, pages it may be written in, subject and text). The envelope is added by `deck`.
"""

from __future__ import annotations

from cssmtp.codepage.transcode import source_text

Sample = tuple[str, tuple[str, ...], str]

LATIN = ("IBM-037", "IBM-1047", "IBM-500", "IBM-1140", "IBM-1148")
ROMANCE = (*LATIN, "IBM-297", "IBM-284", "IBM-280")

TUNED: tuple[Sample, ...] = (
    ("English", LATIN, "Job finished\nThe nightly run ended with return code 0. Please check the listing."),
    ("English", LATIN, "Array dump [part 1]\nValue {a|b} is set! Use x[3] ^ y[4] | z, see ~/notes and cost #12."),
    (
        "German",
        ("IBM-273", "IBM-1141", *LATIN),
        "Abrechnung für März\nDie Prüfung läuft noch, bitte schließen Sie die Akten über Größe und Maß.",
    ),
    (
        "French",
        ("IBM-297", "IBM-1147", *LATIN),
        "Relevé de février\nVoilà le détail des opérations déjà traitées, à vérifier dès lundi où que ça soit.",
    ),
    (
        "Spanish",
        ("IBM-284", "IBM-1145", *LATIN),
        "Aviso de mañana\n¿Está lista la información del año? La señora Núñez espera el envío aquí.",
    ),
    (
        "Portuguese",
        ("IBM-282", *LATIN),
        "Relatório de março\nA situação não está concluída, é preciso atenção às operações já lançadas.",
    ),
    (
        "Italian",
        ("IBM-280", "IBM-1144", *LATIN),
        "Priorità alta\nLa verifica è finita, però la qualità non è più così buona perché manca già metà.",
    ),
    (
        "Danish",
        ("IBM-277", "IBM-1142", *LATIN),
        "Kørsel på søndag\nFørst læses alle ændringer, så må vi prøve igen når åbningen er færdig.",
    ),
    (
        "Swedish",
        ("IBM-278", "IBM-1143", *LATIN),
        "Körning på måndag\nFöre åtta måste alla ändringar vara på plats, annars får vi göra om körningen.",
    ),
    (
        "Icelandic",
        ("IBM-871", "IBM-1149"),
        "Skýrsla þriðja ársfjórðungs\nÞað þarf að ljúka við færslurnar áður en næsta vinnsla hefst í kvöld.",
    ),
    (
        "Polish",
        ("IBM-870", "IBM-1153"),
        "Sprawozdanie roczne\nProszę sprawdzić załączone zestawienie, część pozycji została już usunięta.",
    ),
    (
        "Czech",
        ("IBM-870", "IBM-1153"),
        "Měsíční přehled\nDávka skončila úspěšně, prosím zkontrolujte následující částky ještě dnes večer.",
    ),
    (
        "Turkish",
        ("IBM-1026", "IBM-1155"),
        "Aylık rapor\nİşlem başarıyla tamamlandı, lütfen ekteki değişiklikleri yarın öğleye kadar gözden geçirin.",
    ),
    (
        "Greek",
        ("IBM-875", "IBM-4971"),
        "Μηνιαία αναφορά\nΗ εργασία ολοκληρώθηκε, παρακαλώ ελέγξτε τα στοιχεία μέχρι αύριο το πρωί.",
    ),
    (
        "Russian",
        ("IBM-1025", "IBM-1154"),
        "Отчёт за месяц\nЗадание завершено успешно, пожалуйста, проверьте приложенные данные до вечера.",
    ),
    (
        "Ukrainian",
        ("IBM-1123", "IBM-1158"),
        "Звіт за місяць\nЗавдання виконано, будь ласка, перевірте ці відомості до завтра, є зміни.",
    ),
    ("Hebrew", ("IBM-424", "IBM-12712"), "דוח חודשי\nהעבודה הסתיימה בהצלחה נא לבדוק את הנתונים עד מחר בבוקר"),
    (
        "Estonian",
        ("IBM-1122", "IBM-1157"),
        "Kuu aruanne\nTöö on lõppenud, palun kontrollige lisatud andmeid enne õhtut, šifriga üürid.",
    ),
    ("Japanese", ("IBM-939", "IBM-930"), "月次報告\n本日の処理は正常に終了しました。添付の一覧をご確認ください。"),
    ("Korean", ("IBM-933", "IBM-1364"), "월간 보고서\n오늘 작업이 정상적으로 끝났습니다. 첨부된 목록을 확인해 주십시오."),
    ("Chinese, simplified", ("IBM-935", "IBM-1388"), "月度报告\n今天的作业已经正常结束，请您查看所附的清单。"),
    ("Chinese, traditional", ("IBM-937", "IBM-1371"), "月報\n今天的作業已經正常結束，請您查看所附的清單。"),
)

HELD_OUT: tuple[Sample, ...] = (
    ("English", LATIN, "Reminder\nYour password expires in five days. Contact the help desk if you cannot log on."),
    ("English", LATIN, "Disk report\nVolume {SYS001} is 93% full [limit 90]! Run clean | sort, then mail ~/log to us."),
    (
        "German",
        ("IBM-273", "IBM-1141", *LATIN),
        "Lieferung verspätet\nWegen Überlastung können wir erst nächste Woche ausführen. Mit freundlichen Grüßen",
    ),
    (
        "French",
        ("IBM-297", "IBM-1147", *LATIN),
        "Réunion annulée\nLa séance prévue a été reportée, la pièce jointe à ce message vous précise l'horaire.",
    ),
    (
        "Spanish",
        ("IBM-284", "IBM-1145", *LATIN),
        "Pedido número 4711\nEl cliente llamó ayer: ¿cuándo llegará el camión? Gestión de España, división móvil.",
    ),
    (
        "Portuguese",
        ("IBM-282", *LATIN),
        "Confirmação do pedido\nOs cartões serão enviados amanhã, não é necessária nenhuma ação até lá.",
    ),
    (
        "Italian",
        ("IBM-280", "IBM-1144", *LATIN),
        "Scadenza venerdì\nIl pagamento non è ancora arrivato, perciò la società sospenderà il servizio lunedì.",
    ),
    (
        "Danish",
        ("IBM-277", "IBM-1142", *LATIN),
        "Husk mødet\nVi begynder klokken otte på kontoret i Århus, dørene åbner et kvarter før, tag også øl med.",
    ),
    (
        "Norwegian",
        ("IBM-277", "IBM-1142", *LATIN),
        "Påminnelse\nLønnen blir utbetalt først på tirsdag, vær så snill å sjekke kontoen på nytt da.",
    ),
    (
        "Swedish",
        ("IBM-278", "IBM-1143", *LATIN),
        "Påminnelse om möte\nVi träffas på tisdag klockan två, lokalen ligger två trappor upp, välkomna.",
    ),
    (
        "Finnish",
        ("IBM-278", "IBM-1143", *LATIN),
        "Kokouksen siirto\nTämän päivän kokous siirtyy huomiseen, löydätte esityslistan tästä viestistä.",
    ),
    (
        "Icelandic",
        ("IBM-871", "IBM-1149"),
        "Áminning um fund\nFundurinn verður haldinn á þriðjudaginn, vinsamlega látið vita ef þið komist ekki.",
    ),
    (
        "Polish",
        ("IBM-870", "IBM-1153"),
        "Przypomnienie\nSpotkanie odbędzie się w środę o ósmej, prosimy wziąć ze sobą własne notatki i długopisy.",
    ),
    (
        "Hungarian",
        ("IBM-870", "IBM-1153"),
        "Emlékeztető\nAz értekezlet szerdán délelőtt lesz, kérjük, hozzák magukkal a kitöltött űrlapokat és a füzetet.",
    ),
    (
        "Turkish",
        ("IBM-1026", "IBM-1155"),
        "Toplantı hatırlatması\nToplantı çarşamba günü saat dokuzda, görüşmek üzere, iyi çalışmalar dileriz.",
    ),
    (
        "Greek",
        ("IBM-875", "IBM-4971"),
        "Υπενθύμιση συνάντησης\nΗ σύσκεψη θα γίνει την Τετάρτη στις εννέα, σας παρακαλούμε να είστε στην ώρα σας.",
    ),
    (
        "Russian",
        ("IBM-1025", "IBM-1154"),
        "Напоминание\nСовещание состоится в среду в девять часов, просим подготовить свои предложения.",
    ),
    (
        "Bulgarian",
        ("IBM-1025", "IBM-1154"),
        "Напомняне\nСрещата ще бъде в сряда сутринта, моля носете всички документи със себе си.",
    ),
    (
        "Ukrainian",
        ("IBM-1123", "IBM-1158"),
        "Нагадування\nНарада відбудеться в середу о дев'ятій, просимо підготувати свої пропозиції, їх є багато.",
    ),
    ("Hebrew", ("IBM-424", "IBM-12712"), "תזכורת לפגישה\nהפגישה תתקיים ביום רביעי בשעה תשע נא להגיע בזמן"),
    (
        "Lithuanian",
        ("IBM-1112", "IBM-1156"),
        "Priminimas\nSusitikimas įvyks trečiadienį devintą valandą, prašome pasiruošti savo pasiūlymus šįvakar.",
    ),
    ("Thai", ("IBM-838", "IBM-1160"), "แจ้งเตือนการประชุม\nการประชุมจะมีขึ้นในวันพุธเวลาเก้าโมง กรุณามาตรงเวลา"),
    ("Japanese", ("IBM-939", "IBM-930"), "会議のお知らせ\n来週水曜日の九時から会議室で行います。資料をお持ちください。"),
    ("Korean", ("IBM-933", "IBM-1364"), "회의 안내\n다음 주 수요일 아홉 시에 회의실에서 모입니다. 자료를 가져오시기 바랍니다."),
    ("Chinese, simplified", ("IBM-935", "IBM-1388"), "会议通知\n下星期三上午九点在会议室开会，请大家带好资料。"),
    ("Chinese, traditional", ("IBM-937", "IBM-1371"), "會議通知\n下星期三上午九點在會議室開會，請大家帶好資料。"),
)


def deck(sample: Sample, page: str) -> tuple[bytes, str]:
    """A sample as a deck in a page, and its text; records end with X'15'."""
    subject, _, body = sample[2].partition("\n")
    lines = [
        "HELO HOST1",
        "MAIL FROM:<batch@host.example>",
        "RCPT TO:<user@example.com>",
        "DATA",
        f"Subject: {subject}",
        "",
        body,
        ".",
    ]
    text = "".join(f"{line}\n" for line in lines)
    return source_text(page).encode(text), text


def cases(samples: tuple[Sample, ...]) -> list[tuple[str, str, bytes, str]]:
    """(language, page, deck, text) for every sample in every page that has all its characters."""
    found = []
    for sample in samples:
        for page in sample[1]:
            data, text = deck(sample, page)
            if source_text(page).text(data) == text:
                found.append((sample[0], page, data, text))
    return found
