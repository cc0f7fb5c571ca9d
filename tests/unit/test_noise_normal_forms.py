"""Text in any normal form gets the same noise: families are asked about clusters in NFC, and letters stay written as
the text writes them.
"""

from __future__ import annotations

from typing import Any
from unicodedata import is_normalized, normalize

import pytest

from tests.golden.digests import FAMILIES, LETTERS, perturber
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise import build
from xtreme_noise.noise.edits import between, edits_between, rebuild
from xtreme_noise.noise.families.nlpaug import Calibration
from xtreme_noise.noise.registry import checked_parameters, family_class
from xtreme_noise.noise.text import Clusters, graphemes


def sample(code: str) -> str:
    """Marked letters, words of a few letters, numbers, capitals."""
    letters = LETTERS[code]
    words = " ".join(letters[i : i + 6] for i in range(0, 60, 6))
    return normalize("NFC", f"{words}. Été Łódź, 1984! {letters[:20].title()} ガス がぎ 안녕")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_noise_in_either_form(family: str) -> None:
    """In every language, of text and of tokens: as much to act on, the same changes, the same rate."""
    noise = perturber(family)
    for code in filter(noise.supports, LANGUAGES):
        whole, apart = sample(code), normalize("NFD", sample(code))
        for level in (0.1, 0.6):
            one, other = (noise(text, level, "x", language=code) for text in (whole, apart))
            assert one.text == normalize("NFC", other.text), f"{code} {level}"
            assert (one.achieved, one.capacity) == (other.achieved, other.capacity), f"{code} {level}"
            assert is_normalized("NFD", other.text), f"{code} {level}"
            assert rebuild(apart, other.edits) == other.text
        if noise.keeps_tokens:
            tokens, others = (noise.tokens(text.split(), 0.3, "x", language=code) for text in (whole, apart))
            assert tokens.tokens == [normalize("NFC", token) for token in others.tokens], code
            assert tokens.achieved == others.achieved, code


@pytest.mark.parametrize(
    ("family", "code", "text"),
    [
        *(
            (family, "ko", "안녕하세요 독립문 값이 비싸다")
            for family in ("keyboard", "wrong_layout", "romanize", "ime")
        ),
        *((family, "ja", "ガレージでピザを食べ、バグが出た") for family in ("romanize", "ime", "orthographic", "ocr")),
        ("wrong_layout", "ru", "йод и ёлка"),
        ("wrong_layout", "el", "ώρα καλή"),
        ("char", "ar", "أكل المؤمن آدم"),
        ("char", "bn", "কোথায় যাচ্ছো"),
        ("romanize", "ta", "கொடு போ"),
        ("ocr", "vi", "tiếng Việt đẹp"),
        ("keyboard", "vi", "tiếng Việt đẹp"),
        ("punctuation", "el", "τι\u037e ναι\u0387"),
    ],
)
def test_there_is_as_much_to_act_on(family: str, code: str, text: str) -> None:
    noise = perturber(family)
    found = {noise(normalize(form, text), 0.5, "x", language=code).capacity for form in ("NFC", "NFD")}
    found.add(noise(text, 0.5, "x", language=code).capacity)
    assert len(found) == 1 and 0 not in found


def test_letters_stay_as_the_text_writes_them() -> None:
    """Words that move, in a text of both forms; a letter that the text has in one form only comes in that form."""
    noise = family_class("word")(checked_parameters("word", {"drop": 0.0, "repeat": 0.0}))
    text = "e\u0300te \u212bre \u00e9te o\u0308l"
    swapped = noise(text, 1.0, "x", language="fr").text
    assert {*swapped.split()} == {*text.split()} and swapped != text
    clusters = Clusters.of(text, graphemes(text))
    assert clusters.spell(["ö", "é", "ü", ";"]) == ("o\u0308", "é", "ü", ";")


def test_archaic_jamo_and_lone_marks_are_left_alone() -> None:
    """No syllable of today, so no keys, no letters: what stands beside them is noised all the same."""
    for text in ("\u1112\u119e\u11ab글 나라", "가\u11eb 나라", "\u1100\u1161\u11a8\u11a8 나라", "か\u309a 나라"):
        for family in ("keyboard", "wrong_layout", "romanize", "ime", "ocr", "char"):
            noised = perturber(family)(text, 1.0, "x", language="ko")
            assert rebuild(text, noised.edits) == noised.text
            assert noised.capacity >= 2 / len(graphemes(text)), (family, text)
    assert perturber("romanize")("か\u309aに りんご", 0.0, "x", language="ja").capacity == pytest.approx(4 / 6)


def test_another_form_is_no_error_but_an_edit() -> None:
    clean, noisy = "क\u093cलम and \u00e9te", "\u0958लम and e\u0301t"
    found = between(clean, noisy)
    assert found.achieved == pytest.approx(1 / len(graphemes(clean)))
    assert rebuild(clean, found.edits) == noisy == rebuild(clean, edits_between(clean, noisy))


@pytest.mark.parametrize("augmenter", ["char.RandomCharAug", "char.KeyboardAug", "char.OcrAug"])
def test_stock_augmenters_meet_letters(augmenter: str) -> None:
    noise: Any = build("nlpaug", augmenter=f"nlpaug.augmenter.{augmenter}")
    noise._calibrations[0.1, "fr"] = Calibration(0.5, 1.0)
    text = "Été à la mer, où nous avons mangé des crêpes"
    one, other = (noise(normalize(form, text), 0.1, "x", language="fr") for form in ("NFC", "NFD"))
    assert one.text == normalize("NFC", other.text) != text
    assert is_normalized("NFD", other.text)
    assert rebuild(normalize("NFD", text), other.edits) == other.text
