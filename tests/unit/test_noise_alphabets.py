"""Letters of every language: which there are, how often each is drawn, and that real text has them as often."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import pytest
import regex

from xtreme_noise.data import sib200
from xtreme_noise.languages import LANGUAGES, XTREME_R
from xtreme_noise.noise import build
from xtreme_noise.noise.alphabets import BITS, alphabet, draws, groups
from xtreme_noise.noise.text import graphemes, nfc


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_letter_is_drawn_as_often_as_it_is_used(code: str) -> None:
    for group in groups(code):
        table = draws(group.lower, group.weights)
        assert len(table) == 1 << BITS
        counts, total = Counter(table), sum(group.weights)
        assert set(counts) == set(group.lower)
        flat = len(group.lower) / len(table)  # one slot each
        for letter, weight in zip(group.lower, group.weights, strict=True):
            assert counts[letter] / len(table) == pytest.approx(weight / total, abs=flat + 1e-3)
        assert len(group.upper) == len(group.upper_weights)


@pytest.mark.parametrize("code", LANGUAGES)
def test_letters_are_whole_and_in_lower_case(code: str) -> None:
    for letter in alphabet(code):
        assert graphemes(letter) == [letter] == [nfc(letter)]
        assert letter == letter.lower()
        assert graphemes(letter * 2) == [letter] * 2


@pytest.mark.parametrize(
    ("code", "frequent", "has"),
    [
        ("en", "etnoa", "qxz"),
        ("de", "enrit", "äöüß"),
        ("uk", "оані", "ґєї"),
        ("tr", "eairl", "ığş"),
        ("vi", "nhcit", "ếộữăđ"),
        ("yo", "níàt", "ẹọṣ"),
        ("sw", "aiukn", "cy"),
        ("qu", "anikh", "ñr"),
        ("ml", "കതനവര", "ർൽൻ"),
        ("ar", "اليمو", "ةىء"),
        ("zh", "一是人了不", "的国语"),
        ("ko", "이다에의는", "한나라"),
    ],
)
def test_the_letters_one_knows(code: str, frequent: str, has: str) -> None:
    letters = alphabet(code)
    assert set(frequent) <= set(letters[:10])
    assert set(has) <= set(letters)


def test_inserted_letters_look_like_the_language() -> None:
    insert = build("char", delete=0, substitute=0, swap=0)
    text = "words of an english sentence " * 200
    inserted = Counter(edit.noisy for edit in insert(text, 0.5, "x", language="en").edits)
    assert inserted["e"] > 5 * inserted["k"] > 0
    assert inserted["e"] / inserted.total() == pytest.approx(0.12, abs=0.03)


def test_a_small_letter_stands_for_a_small_one() -> None:
    substitute = build("char", delete=0, insert=0, swap=0)
    text = "Die Katze Sitzt Auf Der Matte Und Schläft Den Ganzen Tag"
    noised = substitute(text, 0.5, "x", language="de")
    assert noised.edits
    assert all(edit.clean.isupper() == edit.noisy.isupper() for edit in noised.edits if edit.noisy != "ß")


@pytest.mark.data
@pytest.mark.parametrize("code", XTREME_R)
def test_real_text_has_these_letters_as_often(shared_data: Path, code: str) -> None:
    group = groups(code)[0]
    member = regex.compile(rf"(?V1)[{group.member}&&\p{{L}}]")
    text = unicodedata.normalize("NFC", " ".join(sib200.sentences(shared_data, "train", code)))
    small = {upper: lower for lower in group.lower for upper in [lower.upper()]}
    counts = Counter(small.get(char, char) for char in text if member.match(char))
    known, total, drawn = set(group.lower), counts.total(), sum(group.weights)
    covered = sum(count for letter, count in counts.items() if letter in known) / total
    assert covered >= {"ko": 0.88, "zh": 0.95, "th": 0.98}.get(code, 0.99), counts.most_common(60)
    weights = dict(zip(group.lower, group.weights, strict=True))
    apart = sum(abs(counts[one] / total - weights.get(one, 0) / drawn) for one in {*counts, *weights}) / 2
    assert apart <= 0.28  # drawn uniformly: .3 to .5


@pytest.mark.parametrize(
    ("code", "text"), [("hi", "किताबें पुरानी हैं "), ("ta", "புத்தகங்கள் பழையவை "), ("my", "စာအုပ်ဟောင်းများ ")]
)
def test_a_vowel_letter_gets_no_vowel_sign(code: str, text: str) -> None:
    substitute = build("char", delete=0, insert=0, swap=0)
    noised = substitute(text * 60, 0.5, "x", language=code)
    assert len(noised.edits) > 100
    assert not regex.search(r"(?!အ)\p{InSC=Vowel_Independent}\p{M}*\p{InSC=Vowel_Dependent}", noised.text)


def test_every_compiled_table_has_its_licences(repository: Path) -> None:
    """A data file that compile_*.py has made from other people's data stands beside their notices."""
    folder = repository / "xtreme_noise" / "noise"
    tables = {path for path in folder.iterdir() if path.suffix in {".json", ".tsv", ".txt"}}
    own = {"ocr.txt", "lookalikes.tsv"}  # written by hand; measured
    for path in tables:
        stem = path.name.partition(".")[0]
        notice = folder / f"{stem}.LICENSE"
        if path.name in own:
            continue
        assert (repository / "tools" / "noise_tables" / f"compile_{stem}.py").is_file(), path.name
        assert path.name in notice.read_text(encoding="utf-8"), path.name
    assert own < {path.name for path in tables}
