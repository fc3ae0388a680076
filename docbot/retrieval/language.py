"""The language of a text, told by its function words and its script.

A pure function over small lists, which are also the stop words of each language. The languages are
those that Snowball has a stemmer for, under its names. Too little said, code, tables, and text of
any other language are None, and never an error.
"""

# ruff: noqa: RUF001  # the words of many languages are in letters that look like others

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

ENGLISH: Final = "english"

# Vowels and accents of scripts that write them as marks on a letter; `\w` leaves them out.
MARKS: Final = "".join(
    chr(code) for code in range(0x300, 0x1800) if unicodedata.category(chr(code)) in {"Mn", "Mc"}
)

# What is said first tells it; more would only cost time.
_LOOKED_AT = 2_000  # characters
_LEAST_WORDS = 2  # different ones: `de` and `die` are also names
_MARGIN = 0.1  # of the winner's count, over the next one's: Danish and Norwegian share most words
_SCRIPT_SHARE = 0.5  # of the letters

# A word that stands free: not one of an address, a path or a name in code (`docs/en`, `x.com`).
_LETTERS = re.compile(
    rf"[^\W\d_](?<![\w./@=\\-].)[^\W\d_]*+(?:[{MARKS}]+[^\W\d_]*)*+(?!\w|[/@=\\(]|[.:-][\w/])"
)

_LISTS = {
    ENGLISH: """
        the of and to in is that it for with as this are be on by an or not can you from if when
        what how which will your have has do does was i my but at we they there so all would should
        its then than into after where why use
    """,
    "german": """
        der die das den dem des ein eine einen einem einer eines und oder ist sind war wird werden
        wurde nicht kein keine ich du er sie es wir ihr man sich mit von vom zu zum zur im in an am
        auf aus bei für über unter nach vor durch als auch wie wenn dass was wo warum kann können
        muss soll haben hat nur noch aber mein meine mir mich dieser diese dieses hallo danke bitte
    """,
    "french": """
        le la les un une des du de et ou est sont être été ce cet cette ces il elle on nous vous je
        que qui quoi dans pour par sur avec sans sous plus pas ne se sa son ses leur mais si au aux
        comme comment pourquoi quand où peut peux faire fait ai avez avoir mon ma mes votre vos
        lors est-ce bonjour merci
    """,
    "spanish": """
        el la los las un una unos de del y o en que es son ser está están se su sus con por para
        como cómo más pero no si al lo le les este esta esto estos qué cuando cuándo donde dónde
        puede puedo hay ha he tiene hacer yo mi me muy también sin sobre entre cada hola gracias
    """,
    "portuguese": """
        o a os as um uma uns umas de do da dos das e ou em no na nos nas que é são ser está se seu
        sua com por para como mais mas não ao à pelo pela este esta isso isto quando onde qual pode
        posso há tem fazer eu meu minha você também sem sobre entre cada olá obrigado obrigada foi
    """,
    "italian": """
        il lo la i gli le un uno una di del della dei delle degli e o in nel nella che è sono essere
        si con per come più ma non al alla ai da dal dalla su sul questo questa questi quando dove
        cosa perché può posso ho ha hai avere fare anche mio mia ogni senza tra ciao grazie viene
    """,
    "dutch": """
        de het een en of is zijn was wordt worden niet geen ik je jij u hij zij we wij ze met van
        voor op aan in bij naar om door over uit te als dat die deze dit ook maar wat hoe waar
        waarom wanneer kan kunnen moet heeft hebben er nog dan mijn jouw uw hallo bedankt wel
    """,
    "danish": """
        og i at er det den en et de til på af for med som ikke jeg du han hun vi der kan skal har
        hvad hvordan hvor hvorfor når fra om men eller også ved blev bliver være været kun efter
        mig dig sig min mit dette denne disse nogle noget hvis kunne mere hej tak
    """,
    "norwegian": """
        og i at er det den en et ei de til på av for med som ikke jeg du han hun vi kan skal har hva
        hvordan hvor hvorfor når fra om men eller også ved ble blir være vært bare etter meg deg seg
        min mitt dette denne disse noen noe hvis kunne mer hei takk
    """,
    "swedish": """
        och i att är det den en ett de till på av för med som inte jag du han hon vi kan ska har vad
        hur var varför när från om men eller också vid blev blir vara varit bara efter mig dig sig
        min mitt detta denna dessa några något kunde mer hej tack
    """,
    "finnish": """
        ja on ei se että ne joka jotka tai kun jos mutta myös ovat oli olla voi voit voin voidaan
        kanssa mitä miten missä miksi milloin tämä tämän tässä sen sitä hän minä sinä minun kuin
        vain niin nyt sekä ole eivät kaikki jossa jonka hei kiitos
    """,
    "estonian": """
        ja on ei et ning või kui aga ka see selle seda mis kuidas kus miks millal oli olla saab
        saan võib peab ma sa ta me te nad oma minu nii siis ainult kõik juba pole mida kes veel
        välja koos tere aitäh
    """,
    "hungarian": """
        az és hogy nem is egy ez ha de van vagy meg csak már mint ezt azt kell lehet volt lesz
        hogyan mit mi miért hol mikor én te ők nem sem ki fel le be el még minden után alatt között
        számára nincs vannak szia köszönöm
    """,
    "turkish": """
        ve bir bu da de için ile ne ki mi mı mu mü nasıl neden nerede çok daha gibi olarak olan var
        yok değil veya ya ama her ben sen biz siz onu bunu şu sonra kadar ise olduğu kullanarak
        merhaba teşekkürler
    """,
    "romanian": """
        și în de la cu pe un o este sunt nu se care că din pentru mai sau dar ca prin după fi fost
        am ai are avea cum ce unde când acest această acesta lui ei eu meu mea poate pot trebuie
        fără între dacă al ale bună mulțumesc
    """,
    "catalan": """
        el la els les un una uns unes de del dels i o en que és són ser està es amb per com més però
        no si al als aquest aquesta això quan on què pot puc hi ha té fer jo meu seva seu sense
        sobre entre cada també aquests gràcies hola
    """,
    "polish": """
        i w z na do nie się jest są to że jak co za po od dla o ale czy lub oraz przez przy ten ta
        tego tym jego jej być był może można tylko już gdy jeśli gdzie dlaczego kiedy mam ma ich
        który która które cześć dziękuję
    """,
    "czech": """
        a v z na do se je jsou to že jak co za po od pro o ale nebo přes při ten ta toho tím jeho
        být byl může lze jen už když pokud kde proč kdy mám má jejich který která které není si tak
        také ahoj děkuji
    """,
    "serbian": """
        i u na da se je su to za od do sa ne nije kako šta što koji koja koje ili ali kao po iz
        biti bio može samo već kada ako gde gdje zašto imam ima njegov ovaj ova ovo sam si će hvala
        и у на да се је су то за од до са не није како шта што који која које или али као по из
        бити може само већ када ако где зашто имам има ово сам ће хвала
    """,
    "lithuanian": """
        ir yra kad su į iš ne tai kaip kas ar bet už po nuo dėl per prie šis ši šio jo jos būti buvo
        gali galima tik jau kai jei kur kodėl kada turi mano jų kuris kuri kurie taip pat arba
        nėra labas ačiū
    """,
    "indonesian": """
        yang dan di ke dari untuk dengan pada ini itu adalah tidak atau dalam akan bisa dapat
        bagaimana apa mengapa kapan saya anda kami kita mereka oleh sebagai jika juga sudah ada
        harus lebih karena tetapi seperti cara halo terima kasih
    """,
    "esperanto": """
        la kaj de en estas ke al por kun ne el se mi vi li ĝi ni ili oni kiel kio kie kial kiam aŭ
        sed ĉi tiu tio nur ankaŭ povas devas per pri sur sen estis mia via lia saluton dankon
    """,
    "basque": """
        eta da du ez bat hau hori dira dute edo baina ere nola zer non zergatik noiz egin behar
        daiteke dezake izan zen dago daude nire bere honek hori dela den dituen baino gabe kaixo
        eskerrik
    """,
    "irish": """
        agus na ar ag tá níl sé sí leis bhí chun ach gach seo sin mar féin atá bheith nach don faoi
        conas cad cén cathain ní mé tú iad nó más gan dó aon ina
    """,
    "sesotho": """
        le ho ba ea tsa ke ha sa hore empa kapa hoba joalo eona tse ka ya ena bona joang eng neng
        hobane bakeng hona
    """,
    "russian": """
        и в на с не что как по из для это к у о от при или но если когда где почему то же за все
        так его мы вы он она они я мне меня мой может можно нужно есть был была было быть также чтобы
        который которые только уже до нет под этот здравствуйте спасибо
    """,
    "greek": """
        και το τα του της των τον την οι ο η να για με από σε στο στη στην στον είναι δεν που πως
        πώς τι αν ή θα ένα μια ένας αυτό αυτή αυτά όταν γιατί πού μπορώ μπορεί έχω έχει μου σας όπως
    """,
    "armenian": """
        և է են որ ու չի այս այդ կամ համար հետ մեջ ինչ ինչպես որտեղ երբ ինչու եմ ես կարող պետք բայց
        եթե իր նաև մի
    """,
    "arabic": """
        في من على إلى عن مع هذا هذه ذلك التي الذي أن إن لا ما هو هي كان كيف لماذا أين متى أو ثم كل
        قد لم لن عند هل يمكن أنا بعد قبل غير
    """,
    "persian": """
        و در به از که این آن را با است برای هر یک یا نیست هم شود می شده کرد کنید باید چگونه چرا کجا
        چه اگر من شما ما تا نمی های بود
    """,
    "hindi": """
        है हैं का की के में से को और यह पर नहीं कि एक ने भी तो हो था थे कैसे क्या क्यों कहाँ कब या इस मैं
        आप हम लिए करें करने अपने जो
    """,
    "nepali": """
        छ छन् को का मा र यो हो ले लाई पनि गर्न भएको हुन्छ कसरी किन कहाँ के म तपाईं हामी वा यस बाट गर्नुहोस्
        गर्ने भने छैन तथा
    """,
    "tamil": """
        இந்த ஒரு மற்றும் என்று உள்ளது அது இது எப்படி என்ன ஏன் எங்கே நான் நீங்கள் அல்லது இல்லை என்ற மேலும்
        அந்த செய்ய வேண்டும்
    """,
    "yiddish": """
        און איז די דער דאָס צו פֿון אין מיט ניט נישט אַז װי וי װאָס איך ער זי מיר זײַנען אָדער אויף פאר
    """,
}

# In the form that the words of a text are compared in.
FUNCTION_WORDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        name: frozenset(unicodedata.normalize("NFKC", words).split())
        for name, words in _LISTS.items()
    }
)

# Words of code: one of these, and a lone Latin letter, tells no language.
_OF_CODE = frozenset({"del", "os", "var"})
_LANGUAGES_WITH: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        word: tuple(name for name, words in FUNCTION_WORDS.items() if word in words)
        for word in frozenset[str]().union(*FUNCTION_WORDS.values())
        if word not in _OF_CODE and (len(word) > 1 or not word.isascii())
    }
)

# Where the words do not tell, the script does; and first the letters that only others have, some of
# which have no stemmer: Ukrainian and Belarusian, Urdu.
_SCRIPTS: Final[tuple[tuple[re.Pattern[str], str, Mapping[str, str | None]], ...]] = (
    (re.compile("[\u0400-\u04ff]"), "russian", {"іїєґў": None, "ђћџљњј": "serbian"}),
    (re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), "greek", {}),
    (re.compile("[\u0531-\u0587]"), "armenian", {}),
    (re.compile("[\u0620-\u06d3]"), "arabic", {"ٹڈڑے": None, "پچژگ": "persian"}),
    (re.compile("[\u0904-\u0939]"), "hindi", {}),
    (re.compile("[\u0b85-\u0bb9]"), "tamil", {}),
)


def language_of(text: str) -> str | None:
    """Return the language that a text is in, by the name that Snowball has for it, or None.

    At least as many function words as the root of all words must be the language's, two different
    ones among them, and clearly more than any other language's.
    """
    text = unicodedata.normalize("NFKC", text[:_LOOKED_AT]).lower()
    words = _LETTERS.findall(text)
    return _by_words(words) or (None if text.isascii() else _by_script("".join(words)))


def _by_words(words: Sequence[str]) -> str | None:
    counts = Counter(words)
    said = Counter[str]()
    different = Counter[str]()
    for word in counts.keys() & _LANGUAGES_WITH.keys():
        for name in _LANGUAGES_WITH[word]:
            said[name] += counts[word]
            different[name] += 1
    if not said:
        return None
    (best, most), (_, next_most) = [*said.most_common(2), ("", 0)][:2]
    told = different[best] >= _LEAST_WORDS and most * most >= len(words)
    return best if told and most - next_most >= max(1, _MARGIN * most) else None


def _by_script(letters: str) -> str | None:
    for script, usual, others in _SCRIPTS:
        if len(script.findall(letters)) > _SCRIPT_SHARE * len(letters):
            held = (name for those, name in others.items() if any(map(letters.count, those)))
            return next(held, usual)
    return None
