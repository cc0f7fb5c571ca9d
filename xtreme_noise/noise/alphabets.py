"""What letters a language is written with: the inventory that character noise draws from.

Sources: the languages' alphabets as taught; for Han and Hangul syllables, common characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import regex

from xtreme_noise.languages import language

ASCII = "abcdefghijklmnopqrstuvwxyz"
_DEVANAGARI = "अआइईउऊऋएऐओऔकखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसह"
_ARABIC = "ابتثجحخدذرزسشصضطظعغفقكلمنهويةءأإآؤئى"
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
_HAN = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经"
    "么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全"
    "三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任"
    "常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必"
    "场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告"
    "类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运"
)
_KANJI = (
    "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手米力"
    "学問高代明実円関決子動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公持野協取都和"
    "統以機平総加山思家話世受区領多県続進正安設保改数記院女初北午指権心界支第産結百派点教報済書府活原先共得解名交資予川向際査勝面"
    "委告軍文反元重近千考判認画海参売利組知案道信策集在件団別物側任引使求所次水半品昨論計死官増係感特情投示変打男基私各始島直両朝"
    "革価式確村提運終挙果西勢減台広容必応演電歳住争談能無再位置企真流格有疑口過局少放税検藤町常校料沢裁状工建語球営空職証土与急止"
    "送援供可役構木割聞身費付施切由説転食比難防補車優夫研収断井何南石足違消境神番規術護展態導"
)
_SYLLABLES = (
    "이다는에을가의고하지리사기아로어은한도나해자수시인대일서를과들보라있정그것부요제만전오생구주원지상장여우장무와간스물공동할면선"
    "안신소비국말문거조미유성화들연게학터회던니내경관명때계모용방치중실람많더없개적운년발배세행진름려었했까러드네습양두세위속당"
    "심차날번분목음마식입교산강노민달재업결트데역크현영불각체복교래임남며반길집파후통바본금건최단히작법의같좋난된예형감특초별"
)
_LATIN = {
    "af": "abcdefghijklmnopqrstuvwxyzêëéèîïôöûá",
    "az": "abcçdeəfgğhxıijkqlmnoöprsştuüvyz",
    "ca": "abcdefghijlmnopqrstuvxyzàéèíïóòúüç",
    "cs": "aábcčdďeéěfghiíjklmnňoópqrřsštťuúůvwxyýzž",
    "cy": "abcdefghijlmnoprstuwyâêîôûŵŷ",
    "da": ASCII + "æøå",
    "de": ASCII + "äöüß",
    "es": ASCII + "ñáéíóúü",
    "et": "abdeghijklmnoprsšzžtuvõäöü",
    "eu": "abcdefghijklmnñopqrstuvxyz",
    "fi": "abdefghijklmnoprstuvyäö",
    "fr": ASCII + "éèàêçùîôâûëïœ",
    "ga": "abcdefghilmnoprstuáéíóú",
    "gl": "abcdefghilmnñopqrstuvxzáéíóúü",
    "hr": "abcčćdđefghijklmnoprsštuvzž",
    "ht": "abcdefghijklmnoprstuvwyzèò",
    "hu": "aábcdeéfghiíjklmnoóöőpqrstuúüűvwxyz",
    "is": "aábdðeéfghiíjklmnoóprstuúvxyýþæö",
    "it": "abcdefghilmnopqrstuvzàèéìòù",
    "jv": "abcdeghijklmnoprstuwyéè",
    "kw": "abcdefghijklmnoprstuvwy",
    "lb": ASCII + "äéëö",
    "lt": "aąbcčdeęėfghiįyjklmnoprsštuųūvzž",
    "lv": "aābcčdeēfgģhiījkķlļmnņoprsštuūvzž",
    "nb": ASCII + "æøå",
    "nl": ASCII + "ëïé",
    "pl": "aąbcćdeęfghijklłmnńoóprsśtuwyzźż",
    "pt": "abcdefghijlmnopqrstuvxzáâãàçéêíóôõú",
    "qu": "abcdefghijklmnñopqrstuvwy",
    "ro": "aăâbcdefghiîjklmnopqrsștțuvwxyz",
    "sk": "aáäbcčdďeéfghiíjklĺľmnňoóôpqrŕsštťuúvwxyýzž",
    "sl": "abcčdefghijklmnoprsštuvzž",
    "sv": ASCII + "åäö",
    "sw": "abcdefghijklmnoprstuvwyz",
    "tl": "abcdefghijklmnñoprstuvwy",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyz",
    "vi": "aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạếềểễệấầẩậắặốồổộớờởợứừữựíìỉĩịóòỏõọúùủũụýỳéèẻẽẹ",
    "wo": "aàbcdeéëfgijklmnñŋoóprstuwxy",
    "yo": "abdeẹfghijklmnoọprsṣtuwyàáèéìíòóùú",
}
_OTHER = {
    "ar": _ARABIC,
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "bn": "অআইঈউঊঋএঐওঔকখগঘঙচছজঝঞটঠডঢণতথদধনপফবভমযরলশষসহ",
    "el": "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώ",
    "fa": "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیآئ",
    "gu": "અઆઇઈઉઊઋએઐઓઔકખગઘચછજઝટઠડઢણતથદધનપફબભમયરલળવશષસહ",
    "he": "אבגדהוזחטיכלמנסעפצקרשתםןךףץ",
    "hi": _DEVANAGARI,
    "hy": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆև",
    "ka": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "kk": "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",
    "kn": "ಅಆಇಈಉಊಋಎಏಐಒಓಔಕಖಗಘಚಛಜಝಟಠಡಢಣತಥದಧನಪಫಬಭಮಯರಲವಶಷಸಹಳ",
    "ml": "അആഇഈഉഊഋഎഏഐഒഓഔകഖഗഘങചഛജഝഞടഠഡഢണതഥദധനപഫബഭമയരലവശഷസഹളഴറ",
    "mn": _CYRILLIC + "ёөү",
    "mr": _DEVANAGARI + "ळ",
    "my": "ကခဂဃငစဆဇဈညဋဌဍဎဏတထဒဓနပဖဗဘမယရလဝသဟဠအဣဤဥဦဧဩ",
    "ne": _DEVANAGARI,
    "pa": "ੳਅੲਸਹਕਖਗਘਙਚਛਜਝਞਟਠਡਢਣਤਥਦਧਨਪਫਬਭਮਯਰਲਵੜ",
    "ru": _CYRILLIC + "ё",
    "sr": "абвгдђежзијклљмнњопрстћуфхцчџш",
    "ta": "அஆஇஈஉஊஎஏஐஒஓஔகஙசஞடணதநபமயரலவழளறனஜஷஸஹ",
    "te": "అఆఇఈఉఊఋఎఏఐఒఓఔకఖగఘచఛజఝటఠడఢణతథదధనపఫబభమయరలవశషసహళ",
    "th": "กขคฆงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮะาเแโใไ",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "ur": "ابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھءیےآؤئ",
}
_HIRAGANA = (
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"
    "がぎぐげござじずぜぞだでどばびぶべぼぱぴぷぺぽ"
)
_SCRIPTS = {
    "Arab": "Arabic",
    "Armn": "Armenian",
    "Beng": "Bengali",
    "Cyrl": "Cyrillic",
    "Deva": "Devanagari",
    "Geor": "Georgian",
    "Grek": "Greek",
    "Gujr": "Gujarati",
    "Guru": "Gurmukhi",
    "Hebr": "Hebrew",
    "Knda": "Kannada",
    "Latn": "Latin",
    "Mlym": "Malayalam",
    "Mymr": "Myanmar",
    "Taml": "Tamil",
    "Telu": "Telugu",
    "Thai": "Thai",
}
# Where marks hang on letters that stand without them too: a new letter keeps the marks of the old one.
_KEEPS_MARKS = {
    "Arab",
    "Beng",
    "Deva",
    "Gujr",
    "Guru",
    "Hebr",
    "Knda",
    "Mlym",
    "Mymr",
    "Taml",
    "Telu",
    "Thai",
}


@dataclass(frozen=True)
class Group:
    """Letters that replace one another. member: what letters of a text belong to it (a regex class);
    lower, upper: what is drawn (upper is empty where there is no case); keeps_marks: see `_KEEPS_MARKS`."""

    name: str
    member: str
    lower: tuple[str, ...]
    upper: tuple[str, ...] = ()
    keeps_marks: bool = False


def _cased(name: str, member: str, letters: str, turkic: bool, keeps_marks: bool) -> Group:
    capitals = {"i": "İ", "ı": "I"} if turkic else {}
    upper = dict.fromkeys(capitals.get(letter, letter.upper()) for letter in letters)
    single = tuple(letter for letter in upper if len(letter) == 1 and letter not in letters and name != "Geor")
    return Group(name, member, tuple(dict.fromkeys(letters)), single, keeps_marks)


@cache
def groups(code: str) -> tuple[Group, ...]:
    """The letter groups of a language: its own, then ASCII letters (names, loan words), which replace one
    another.
    """
    script = language(code).script
    ascii_group = _cased("ascii", r"[a-zA-Z]", ASCII, False, False)
    if script == "Hans":
        own = [Group("Hani", r"\p{Script=Han}", tuple(dict.fromkeys(_HAN)))]
    elif script == "Jpan":
        katakana = "".join(chr(ord(letter) + 0x60) for letter in _HIRAGANA)
        own = [
            Group("Hira", r"\p{Script=Hiragana}", tuple(_HIRAGANA)),
            Group("Kana", r"[\p{Script=Katakana}ー]", tuple(katakana)),
            Group("Hani", r"\p{Script=Han}", tuple(dict.fromkeys(_KANJI))),
        ]
    elif script == "Kore":
        own = [Group("Hang", r"\p{Script=Hangul}", tuple(dict.fromkeys(_SYLLABLES)))]
    else:
        letters = _OTHER[code] if script != "Latn" else _LATIN.get(code, ASCII)
        member = rf"\p{{Script={_SCRIPTS[script]}}}"
        own = [_cased(script, member, letters, code in {"tr", "az"}, script in _KEEPS_MARKS)]
    return tuple(own) if script == "Latn" else (*own, ascii_group)


@cache
def alphabet(code: str) -> tuple[str, ...]:
    """The lower-case (or caseless) letters of a language."""
    return tuple(dict.fromkeys(letter for group in groups(code) if group.name != "ascii" for letter in group.lower))


@cache
def _members(code: str) -> tuple[regex.Pattern[str], ...]:
    return tuple(regex.compile(rf"(?V1)[{group.member}&&\p{{L}}]") for group in groups(code))


_UPPER = regex.compile(r"\p{Lu}")


def kind(grapheme: str, code: str) -> int:
    """0 (no letter of the language), or 2 * number of its group + 1 (lower, caseless) or + 2 (upper)."""
    for number, member in enumerate(_members(code)):
        if member.match(grapheme):
            return 2 * number + (2 if _UPPER.match(grapheme) and groups(code)[number].upper else 1)
    return 0
