"""The contract that every family of ours keeps, on text of many scripts."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
import regex

from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.languages import LANGUAGES, XTREME_R
from xtreme_noise.noise import Edit, NoisedText, Perturber, build, families, parameters_class, registry
from xtreme_noise.noise.alphabets import alphabet, groups
from xtreme_noise.noise.edits import carry, edits_between, rebuild
from xtreme_noise.noise.text import distance, graphemes, is_lone, nfc

TEXTS = {
    "en": "It was the best of times, it was the worst of times; we had everything before us.",
    "de": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich, sagte er.",
    "fr": "Dès Noël, où un zéphyr haï me vêt de glaçons würmiens, je dîne d'exquis rôtis.",
    "es": "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia, añoraba a su querido cachorro.",
    "ru": "Съешь же ещё этих мягких французских булок, да выпей чаю. Спасибо, доктор!",
    "tr": "Pijamalı hasta yağız şoföre çabucak güvendi. İstanbul'da ılık bir gündü.",
    "hi": "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले विष्णुवतार भगवान श्रीराम।",
    "th": "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน จงฝ่าฟันพัฒนาวิชาการ",
    "ar": "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر ومغلف بجلد أزرق",
    "he": "דג סקרן שט בים מאוכזב ולפתע מצא חברה נחמדה שאיתה דיבר שעות",
    "ko": "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다.",
    "ja": "いろはにほへと ちりぬるを、東京都の今日の天気はとても良いです。コーヒーを飲みます。",
    "zh": "视野无限广，窗外有蓝天。我们今天去北京大学看朋友，明天回家。",
    "my": "သီဟိုဠ်မှ ဉာဏ်ကြီးရှင်သည် အာယုဝဍ္ဎနဆေးညွှန်းစာကို ဇလွန်ဈေးဘေးဗာဒံပင်ထက် ဖတ်ခဲ့သည်။",
    "ta": "யாமறிந்த மொழிகளிலே தமிழ்மொழி போல் இனிதாவது எங்கும் காணோம்",
    "vi": "Con sói nâu nhảy qua con chó lười. Chúng tôi rất thích uống cà phê sữa đá.",
    "ka": "ვეპხის ტყაოსანი შოთა რუსთაველი, ღმერთსი შემვედრე ნუთუ კვლა დამხსნას",
    "yo": "Ìwà ọmọ lẹ́wà, ẹ jọ̀ọ́ ẹ wá bá wa ṣeré ní ọjọ́ Àìkú tó ń bọ̀.",
}
OURS = ("char", "keyboard")
CASES = [(family, code) for family in OURS for code in TEXTS if not (family == "keyboard" and code in ("zh", "ja"))]
LEVELS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.6, 1.0)


@pytest.fixture(scope="module")
def built() -> dict[str, Perturber]:
    return {family: build(family) for family in OURS}


def _contains(higher: NoisedText, lower: NoisedText) -> bool:
    kept = {(edit.start, edit.end, edit.noisy) for edit in higher.edits}
    return all((edit.start, edit.end, edit.noisy) in kept for edit in lower.edits)


def scripts(text: str) -> set[str]:
    names = "Latin Cyrillic Greek Arabic Hebrew Devanagari Bengali Tamil Thai Myanmar Georgian Armenian Hangul"
    names += " Han Hiragana Katakana"
    return {name for name in names.split() if regex.search(rf"\p{{Script={name}}}", text)}


@pytest.mark.parametrize(("family", "code"), CASES)
def test_contract(built: dict[str, Perturber], family: str, code: str) -> None:
    perturber, text = built[family], TEXTS[code]
    units = graphemes(text)
    assert perturber(text, 0, "x", language=code).text == text
    previous: NoisedText | None = None
    for level in LEVELS:
        noised = perturber(text, level, "x", language=code)
        again = graphemes(noised.text)
        assert rebuild(text, noised.edits) == noised.text
        assert noised.text[slice(*noised.edits[0][2:4])] == noised.edits[0].noisy if noised.edits else True
        assert noised.achieved == pytest.approx(distance(units, again) / len(units))
        # floor(level * n + u), and one more where a swap is taken with 1 left to spend; less only when
        # saturated.
        wanted = math.floor(level * len(units)), math.floor(level * len(units)) + 2
        assert distance(units, again) <= wanted[1]
        assert distance(units, again) >= wanted[0] - 1 or level > 0.3
        assert nfc(noised.text) == noised.text
        assert scripts(noised.text) <= scripts(text)
        if previous is not None:
            assert _contains(noised, previous)
        previous = noised
    assert previous is not None
    assert previous.achieved > 0.5 * previous.capacity  # level 1 changes most of what can change


@pytest.mark.parametrize(("family", "code"), CASES)
def test_protected_spans_stay(built: dict[str, Perturber], family: str, code: str) -> None:
    text = TEXTS[code]
    spans = [(3, 9), (20, 21), (30, 41)]
    for level in (0.1, 0.5, 1.0):
        noised = built[family](text, level, "x", language=code, protect=spans)
        assert noised.edits
        for start, end in spans:
            first, last = carry((start, end), noised.edits)
            assert noised.text[first:last] == text[start:end]
            assert not any(edit.start < end and edit.end > start for edit in noised.edits)
    assert built[family](text, 1.0, "x", language=code, protect=[(0, len(text))]).capacity == 0


@pytest.mark.parametrize(("family", "code"), CASES)
def test_tokens_kept(built: dict[str, Perturber], family: str, code: str) -> None:
    tokens = TEXTS[code].split() if LANGUAGES[code].spaces else regex.findall(r"\X\X?", TEXTS[code])
    previous: list[str] = []
    for level in (0.0, 0.05, 0.2, 1.0):
        noised = built[family].tokens(tokens, level, "x", language=code)
        assert len(noised.tokens) == len(tokens)
        assert all(token.strip() or not old.strip() for token, old in zip(noised.tokens, tokens, strict=True))
        assert rebuild(" ".join(tokens), noised.edits) == " ".join(noised.tokens)
        size = sum(len(graphemes(token)) for token in tokens)
        assert noised.achieved <= (math.floor(level * size) + 2) / size
        previous = noised.tokens
    assert previous != tokens


def test_all_languages_have_an_inventory_in_their_script(built: dict[str, Perturber]) -> None:
    assert built["char"].languages() == list(LANGUAGES)
    assert set(XTREME_R) - set(built["keyboard"].languages()) == {"zh", "ja"}
    for code in LANGUAGES:
        letters = "".join(alphabet(code))
        assert len(set(alphabet(code))) == len(alphabet(code)) >= 20
        assert all(is_lone(letter) or len(graphemes(letter)) == 1 for letter in alphabet(code))
        text = " ".join(alphabet(code)[i : i + 5][0] * 4 + "".join(alphabet(code)[i : i + 5]) for i in range(0, 20, 5))
        for family in OURS:
            if built[family].supports(code):
                noised = built[family](text, 0.2, "x", language=code)
                assert noised.edits
                assert scripts(noised.text) <= scripts(letters)


def test_turkish_capitals() -> None:
    assert set("İI") <= set(groups("tr")[0].upper)
    assert "İ" not in groups("en")[0].upper


def test_swaps_cost_what_they_measure() -> None:
    swaps = build("char", insert=0, delete=0, substitute=0)
    texts = [f"{word} of the example number {i} here" for i, word in enumerate(["swapping", "letters", "again"] * 300)]
    achieved = [swaps(text, 0.1, str(i), language="en").achieved for i, text in enumerate(texts)]
    assert sum(achieved) / len(achieved) == pytest.approx(0.1, abs=0.005)


def test_only_the_wanted_operations() -> None:
    deleted = build("char", insert=0, swap=0, substitute=0)(TEXTS["en"], 0.1, "x", language="en")
    assert all(edit.noisy == "" for edit in deleted.edits)
    assert "1984" in build("char")("in 1984 " * 20, 0.3, "x", language="en").text
    digits = build("char", digits=True, insert=0, delete=0, swap=0)("1984 " * 20, 0.3, "x", language="en").text
    assert digits.replace(" ", "").isdigit()
    assert digits != "1984 " * 20


def test_korean_is_typed_in_jamo() -> None:
    noisy = build("keyboard", adjacent=0, missed=0, unshifted=0)("한국어", 1.0, "x", language="ko")
    assert noisy.edits
    assert all(regex.fullmatch(r"[가-힣ㄱ-ㅣ]+", edit.noisy) for edit in noisy.edits)


def test_keys_side_by_side() -> None:
    noised = build("keyboard", doubled=0, missed=0, unshifted=0)("g" * 400, 0.3, "x", language="en")
    assert set(noised.text) == set("g" + "ftyhbv")
    hindi = build("keyboard", doubled=0, adjacent=0, unshifted=0)("की " * 60, 0.3, "x", language="hi")
    assert "क " in hindi.text  # the mark is a key of its own


@pytest.mark.parametrize("level", [-0.1, 1.01, float("nan"), True, "0.1", None])
def test_level_out_of_range(built: dict[str, Perturber], level: object) -> None:
    with pytest.raises(ConfigError, match="not a number in"):
        built["char"]("text", level, "x", language="en")  # type: ignore[arg-type]


def test_wrong_names() -> None:
    with pytest.raises(ConfigError, match="did you mean 'char'"):
        build("chra")
    with pytest.raises(ConfigError, match="did you mean 'substitute'"):
        build("char", substitue=2.0)
    with pytest.raises(ConfigError, match=r"families\.char\.swap must be float"):
        build("char", swap="often")
    with pytest.raises(ConfigError, match="not all 0"):
        build("char", insert=0, delete=0, substitute=0, swap=0)
    with pytest.raises(ConfigError, match=r"cannot act in 'zh'.*It supports: af, ar"):
        build("keyboard")("文", 0.1, "x", language="zh")
    with pytest.raises(ConfigError, match="did you mean 'de'"):
        build("char")("text", 0.1, "x", language="dee")
    assert {"char", "keyboard", "nlpaug"} <= set(families())
    assert parameters_class("char").__name__ == "CharParameters"


def test_the_folder_of_the_families_does_not_take_the_place_of_their_function() -> None:
    """Importing a folder sets its name in the package, where the function has it."""
    import xtreme_noise.noise

    assert registry.families() == xtreme_noise.noise.families()


def test_lone_surrogates_are_refused(built: dict[str, Perturber]) -> None:
    for level in (0.0, 0.1):
        with pytest.raises(DataError, match=r"U\+D800 at character 3"):
            built["char"]("abc\ud800", level, "x", language="en")


def test_nothing_to_act_on(built: dict[str, Perturber]) -> None:
    for text in ("", "   ", "1234 !?", "🇩🇪👩‍👩‍👧", "привет"):
        assert built["char"](text, 1.0, "x", language="en") == (text, (), 0.0, 0.0)


def test_key_of_the_stream(built: dict[str, Perturber]) -> None:
    def noise(uid: str, seed: int, language: str = "en") -> str:
        return built["char"](TEXTS["en"], 0.2, uid, seed=seed, language=language).text

    assert noise("a", 0) == noise("a", 0)
    assert len({noise("a", 0), noise("b", 0), noise("a", 1), noise("a", 0, "sw")}) == 4


def test_signature_names_what_changes_the_output() -> None:
    assert build("char").signature == "char/v4"
    assert build("char", swap=0).signature == "char/v4(swap=0)"
    assert build("keyboard", missed=3.5).signature == "keyboard/v4(missed=3.5)"


def test_pickles(built: dict[str, Perturber]) -> None:
    copy = pickle.loads(pickle.dumps(build("char", swap=0.0)))
    assert copy.signature == "char/v4(swap=0.0)"
    assert copy(TEXTS["de"], 0.3, "x", language="de").text != built["char"](TEXTS["de"], 0.3, "x", language="de").text


def _digest(order: Sequence[str]) -> str:
    """Source that perturbs texts in this order, and calls a digest of the outputs, sorted, `found`."""
    return f"""
import hashlib
from xtreme_noise.noise.registry import checked_parameters, family_class
texts, out = {TEXTS!r}, []
for family in ("char", "keyboard"):
    perturber = family_class(family)(checked_parameters(family, {{}}))
    for code in {list(order)!r}:
        if perturber.supports(code):
            out.append(f"{{family}} {{code}} {{perturber(texts[code], 0.2, 'x', language=code)}}")
found = hashlib.sha256("\\n".join(sorted(out)).encode()).hexdigest()
"""


def test_same_in_every_process_and_order() -> None:
    here: dict[str, Any] = {}
    exec(_digest(list(TEXTS)), here)
    there = subprocess.run(
        [sys.executable, "-c", f"{_digest(list(reversed(TEXTS)))}print(found)"],
        env={"PYTHONHASHSEED": "12345", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert there.strip() == here["found"]


def test_naming_families_does_not_import_nlpaug() -> None:
    code = (
        "import sys; from xtreme_noise.noise import families, parameters_class; families(); "
        "parameters_class('char'); parameters_class('nlpaug'); "
        "sys.exit('nlpaug' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_edits_between_rebuild() -> None:
    for one, other in (("abc", "axc"), ("", "ab"), ("กี่ที่", "กที่่"), ("same", "same")):
        assert rebuild(one, edits_between(one, other)) == other
    with pytest.raises(ValueError, match="does not match"):
        rebuild("abd", edits_between("abc", "abx"))


def test_carry() -> None:
    # "one two three" -> "onne wto hree": what reaches into the span is taken in, what only touches it is not.
    edits = [Edit(1, 1, 1, 2, "", "n"), Edit(4, 6, 5, 7, "tw", "wt"), Edit(8, 9, 9, 9, "t", "")]
    assert rebuild("one two three", edits) == "onne wto hree"
    assert carry((4, 7), edits) == (5, 8)
    assert carry((5, 7), edits) == (5, 8)
    assert carry((8, 13), edits) == (9, 13)
    assert carry((3, 4), edits) == (4, 5)
    assert carry((8, 9), edits) == (9, 9)
    assert carry((1, 3), edits) == (2, 4)
