"""Headlines in many languages and scripts, by the language of their source, and what readers may type for them."""

from __future__ import annotations

from datetime import timedelta

from bot.cards.model import ParseResult, SourceItem, SourceKind
from bot.store import Store
from tests.support.cards import NOW, make_card

TITLES: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "cpp": ("C++26 is finished", "The committee voted on the last papers"),
        "csharp": ("C# 14 and .NET 10 released", "Extension members are the largest change"),
        "fsharp": ("F# turns twenty", "A functional language with a long history"),
        "clang": ("The C language gets a new string library", "Nobody has to learn it anew"),
        "node": ("Node.js 26 drops old crypto", "A faster test runner as well"),
        "cluster": ("A cluster survives the loss of one node", "Written in Go"),
        "net": ("Net income of the bank rises", "Analysts had expected less"),
        "notepadpp": ("Notepad++ 9 arrives with a dark theme", ""),
        "notepad": ("Notepad gets tables", "The editor that comes with the system"),
        "disney": ("Disney+ raises its prices again", "Bundles stay as they are"),
        "rocket": ("🚀 Launch day for the moon lander", "Weather is fine"),
        "coder": ("What a day of a developer looks like 👩‍💻", ""),
        "ukraine": ("🇺🇦 Kyiv opens a new museum", ""),
        "scotland": ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Edinburgh festival begins", ""),
        "water": ("Traces of H₂O found on the asteroid", "And CO₂ ice beside it"),
        "chips": ("Memory chips are getting scarce", "Prices of batteries rise too"),
        "glacier": ("Glacier loses a third of its ice", "A study measured it from orbit"),
        "epyc": ("New EPYC™ processors for servers", ""),
    },
    "de": {
        "strasse": ("Straße nach Unwetter gesperrt", "Die Feuerwehr ist im Einsatz"),
        "haeuser": ("Häuser am Rhein werden teurer", "Vor allem in Köln"),
        "maus": ("Mäuse lernen schneller als gedacht", "Eine Studie aus Göttingen"),
    },
    "fr": {
        "journaux": ("Les journaux face à la crise", "L’été dernier, cinq titres ont disparu"),
        "coeur": ("Un cœur artificiel implanté à Lyon", "Une première européenne"),
    },
    "es": {
        "canciones": ("Las canciones más escuchadas del año", ""),
        "nino": ("El Niño vuelve al Pacífico", "Más lluvia en el sur"),
    },
    "pl": {"lodz": ("Łódź otwiera nową linię tramwajową", "Gazety piszą o sukcesie")},
    "tr": {"istanbul": ("İstanbul'da ışık festivali", "Sokaklar kalabalık")},
    "vi": {"vietnam": ("Đà Nẵng xây cầu mới", "Tiếng Việt")},
    "el": {
        "agios": ("Ο Άγιος Νικόλαος άνοιξε ξανά", "Το λιμάνι της Κρήτης"),
        "ekloges": ("Πρόωρες εκλογές στην Αθήνα", "Οι ειδήσεις της ημέρας"),
    },
    "ru": {
        "elka": ("Ёлки в Москве поставят раньше", "Праздник начинается"),
        "knigi": ("Новые книги о космосе", "Издательство объявило о серии"),
    },
    "uk": {"object": ("Новий обʼєкт на орбіті", "Його помітили вчора")},
    "he": {"shalom": ("שָׁלוֹם בִּירוּשָׁלַיִם", "חדשות היום")},
    "ar": {
        "arabic": ("اللُّغَةُ الْعَرَبِيَّةُ في المدارس", "أخبار اليوم"),
        "islam": ("إطلاق مكتبة أحمد الإلكترونية", "افتتحت في القاهرة"),
    },
    "fa": {"ketab": ("کتاب‌های تازه در تهران", "نمایشگاه ۱۴۰۵ گشوده شد")},
    "hi": {"kitab": ("दिल्ली में नई किताबें", "मेला २०२६ शुरू")},
    "ta": {"nagaram": ("சென்னை நகரங்கள் மாநாடு", "")},
    "hy": {"yerevan": ("Երևանում բացվեց թանգարան", "")},
    "ka": {"tbilisi": ("თბილისში ახალი მუზეუმი გაიხსნა", "")},
    "ja": {
        "ai": ("ＡＩチップを発表", "新型の性能は２倍"),
        "news": ("ﾆｭｰｽ番組が終了", "三十年の歴史"),
    },
    "zh": {"xinpian": ("苹果发布新款芯片", "性能提升百分之三十")},
    "ko": {"hangeul": ("한글날 행사 열려", "서울 광화문에서")},
    "th": {"thai": ("ข่าวน้ำท่วมกรุงเทพวันนี้", "")},
}  # fmt: skip
"""Title and excerpt by language and slug."""

QUERIES: tuple[tuple[str, str], ...] = (
    # Names with signs
    ("C++", "cpp"), ("c++26", "cpp"), ("C#", "csharp"), (".NET", "csharp"), (".net 10", "csharp"), ("c#14", "csharp"),
    ("C♯", "csharp"), ("F#", "fsharp"), ("f# twenty", "fsharp"), ("C language", "clang"), ("c", "clang"),
    ("node.js", "node"), ("NODE.JS 26", "node"), ("node -js", "cluster"), ("net", "net"), ("net income", "net"),
    ("notepad++", "notepadpp"), ("Disney+", "disney"), ("disney prices", "disney"), ("EPYC", "epyc"),
    # Signs and pictures
    ("🚀", "rocket"), ("👩‍💻", "coder"), ("💻", "coder"), ("🇺🇦", "ukraine"), ("h2o", "water"), ("CO2", "water"),
    ("H₂O", "water"), ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "scotland"),
    # One and many
    ("chip", "chips"), ("memory chip", "chips"), ("battery", "chips"), ("glaciers", "glacier"), ("studies", "glacier"),
    ("processor", "epyc"), ("haus", "haeuser"), ("Koeln", "haeuser"), ("maus", "maus"), ("journal", "journaux"),
    ("étés", "journaux"), ("canción", "canciones"), ("gazeta", "lodz"), ("книга", "knigi"), ("ёлка", "elka"),
    ("είδηση", "ekloges"), ("مكتبات", "islam"), ("کتاب", "ketab"), ("किताब", "kitab"), ("நகரம்", "nagaram"),
    # Latin letters
    ("strasse", "strasse"), ("STRASSE", "strasse"), ("koln", "haeuser"), ("coeur", "coeur"), ("cœur", "coeur"),
    ("el nino", "nino"), ("pacifico", "nino"), ("lodz", "lodz"), ("tramwajowa", "lodz"), ("istanbul", "istanbul"),
    ("ISTANBUL", "istanbul"), ("isik", "istanbul"), ("da nang", "vietnam"), ("đà nẵng", "vietnam"),
    ("tieng viet", "vietnam"),
    # Other alphabets
    ("αγιος", "agios"), ("ΑΓΙΟΣ ΝΙΚΟΛΑΟΣ", "agios"), ("Ἅγιος", "agios"), ("αθηνα", "ekloges"), ("елки", "elka"),
    ("ЁЛКИ", "elka"), ("об'єкт", "object"), ("об’єкт", "object"), ("שלום", "shalom"), ("בירושלים", "shalom"),
    ("חדשות", "shalom"),
    ("العربية", "arabic"), ("العربيه", "arabic"), ("اللغة", "arabic"), ("احمد", "islam"), ("الالكترونية", "islam"),
    ("کتاب های", "ketab"), ("١٤٠٥", "ketab"), ("1405", "ketab"), ("हिंदी", ""), ("दिल्ली", "kitab"), ("2026", "kitab"),
    ("երեվանում", "yerevan"), ("თბილისში", "tbilisi"), ("თბილის", "tbilisi"),
    # Scripts without spaces, widths
    ("AI", "ai"), ("ａｉ", "ai"), ("ﾁｯﾌﾟ", "ai"), ("チップ", "ai"), ("2倍", "ai"),
    ("ニュース", "news"), ("ニュース番組", "news"),
    ("芯片", "xinpian"), ("苹果 芯片", "xinpian"), ("한글", "hangeul"), ("광화문", "hangeul"),
    ("\u1112\u1161\u11ab\u1100\u1173\u11af", "hangeul"), ("น้ำท่วม", "thai"), ("วันนี้", "thai"),
)  # fmt: skip
"""A query, and the slug that must be among the first; an empty one: nothing may be found."""


async def store_in_many_languages(store: Store) -> None:
    """Store the cards, each language as a folder of its own."""
    importer = store.cards.importer
    for number, language in enumerate(TITLES):
        source_id = await importer.ensure_source(SourceKind.FOLDER, f"/{language}", language=language)
        cards = (
            make_card(slug, title=title, excerpt=excerpt, published_at=NOW - timedelta(hours=number, minutes=at))
            for at, (slug, (title, excerpt)) in enumerate(TITLES[language].items())
        )
        batch = [(SourceItem(card.slug, "1"), ParseResult(card)) for card in cards]
        await importer.import_batch(source_id, batch, vanished=(), now=NOW, withdraw=True)
