"""What stock nlpaug augmenters do to multilingual text, and that the guard (noise=nlpaug) repairs or refuses it."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import nlpaug.augmenter.char as nac
import nlpaug.flow as naf
import numpy as np
import pytest

from tests.golden.digests import FAMILIES
from tests.real import spread
from xtreme_noise.data import sib200
from xtreme_noise.errors import ConfigError, NotApplicable
from xtreme_noise.languages import XTREME_R
from xtreme_noise.noise import Perturber, build
from xtreme_noise.noise.edits import rebuild
from xtreme_noise.noise.families import nlpaug as guard
from xtreme_noise.noise.text import distance, graphemes

SHORT = [f"The small dog number {n} was not seen" for n in range(40)]
VOCALISED = ["السَّلَامُ عَلَيْكُمْ يَا صَدِيقِي الْعَزِيزَ", "ذَهَبَ الْوَلَدُ إِلَى الْمَدْرَسَةِ صَبَاحًا"]
KEYBOARD = "nlpaug.augmenter.char.KeyboardAug"
RANDOM: dict[str, Any] = {
    "stopwords": None,
    "min_char": 1,
    "aug_word_p": 1.0,
    "aug_char_max": None,
    "aug_word_max": None,
}


@pytest.fixture(autouse=True)
def seeded_and_coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stock augmenters draw from the global generators; a coarse calibration is enough here."""
    monkeypatch.setattr(guard, "_COARSE", 20)
    monkeypatch.setattr(guard, "_FINE", 200)
    random.seed(0)
    np.random.seed(0)


def error(augment: Callable[[str], str], texts: list[str]) -> float:
    """Mean grapheme error rate."""
    return fmean(distance(graphemes(text), graphemes(augment(text))) / len(graphemes(text)) for text in texts)


def stock(augmenter: Any) -> Callable[[str], str]:
    def augment(text: str) -> str:
        found: str = augmenter.augment(text)[0]
        return found

    return augment


def guarded(texts: list[str], level: float, language: str, **parameters: Any) -> Perturber:
    perturber: Perturber = build("nlpaug", **parameters)
    perturber.prepare(texts, level, language)
    return perturber


@cache
def sample(folder: Path, code: str) -> tuple[str, ...]:
    return tuple(sib200.sentences(folder, "test", code, 12))


@pytest.mark.data
@pytest.mark.parametrize(("code", "damage"), [("hi", 0.35), ("ta", 0.45), ("my", 0.6), ("th", 0.25), ("ar", 0.3)])
def test_splitting_words_damages_nothing(shared_data: Path, code: str, damage: float) -> None:
    """Its splitter cuts words at combining marks: text is another at level 0 already."""
    texts = VOCALISED if code == "ar" else list(sample(shared_data, code))
    nothing = nac.RandomCharAug(aug_char_p=0.0, aug_word_p=0.0, aug_char_min=0, aug_word_min=0)
    assert error(lambda text: nothing.reverse_tokenizer(nothing.tokenizer(text)), texts) > damage
    perturber = guarded(texts, 0.05, code, parameters={"candidates": "@alphabet"})
    with_rate_0: Any = perturber
    assert [with_rate_0._augment(text, 0.0, code) for text in texts] == texts
    assert all(perturber(text, 0.0, "x", language=code).text == text for text in texts)
    reached = fmean(perturber(text, 0.05, f"{i}|{text}", language=code).achieved for text in texts for i in range(10))
    assert reached == pytest.approx(0.05, abs=0.02)


@pytest.mark.data
@pytest.mark.parametrize(("code", "share"), [("en", 0.2), ("fr", 0.5)])
def test_spaces_and_punctuation_come_back(shared_data: Path, code: str, share: float) -> None:
    """Its reverse tokenizer moves the spaces about quotation marks, hyphens and brackets, and joins don ' t."""
    texts = list(sample(shared_data, code))
    nothing = nac.RandomCharAug(aug_char_p=0.0, aug_word_p=0.0, aug_char_min=0, aug_word_min=0)
    assert fmean(nothing.reverse_tokenizer(nothing.tokenizer(text)) != text for text in texts) > share
    perturber = guarded(texts, 0.05, code)
    with_rate_0: Any = perturber
    assert [with_rate_0._augment(text, 0.0, code) for text in texts] == texts


def test_a_level_is_a_level() -> None:
    """With every word eligible, rounding up and a minimum of one make .02, .05 and .1 the same."""
    stocks = [error(stock(nac.RandomCharAug(aug_char_p=p, **RANDOM)), SHORT) for p in (0.02, 0.05, 0.1)]
    assert max(stocks) - min(stocks) < 0.03
    assert min(stocks) > 0.15
    for level in (0.02, 0.05, 0.1):
        perturber = guarded(SHORT, level, "en")
        reached = fmean(
            perturber(text, level, f"{i}|{text}", language="en").achieved for text in SHORT for i in range(5)
        )
        assert reached == pytest.approx(level, abs=0.2 * level + 0.003)


def test_a_level_does_not_depend_on_the_length() -> None:
    """By its defaults: at most ten changes a text, four letters a word at least, one change a word at least."""
    long = [" ".join(SHORT[i : i + 6]) for i in range(0, 36, 4)]
    default = stock(nac.RandomCharAug())
    short_rate, long_rate = error(default, SHORT), error(default, long)
    assert short_rate > 1.3 * long_rate > 0.05
    perturber = guarded([*SHORT, *long], 0.1, "en")
    rates = [
        fmean(perturber(text, 0.1, f"{i}|{text}", language="en").achieved for text in texts for i in range(times))
        for texts, times in ((SHORT, 5), (long, 20))
    ]
    assert rates == pytest.approx([0.1, 0.1], abs=0.02)


def test_most_languages_have_no_keyboard() -> None:
    """Those without one are refused when the command is given, not when the model is trained."""
    without = []
    for code in XTREME_R:
        try:
            build("nlpaug", augmenter=KEYBOARD, parameters={"lang": code})
        except ConfigError as refused:
            assert "KeyboardAug: ValueError" in str(refused)
            without.append(code)
    assert len(without) == 39
    assert {"ar", "hi", "ja", "ko", "ru", "zh"} <= set(without)


@pytest.mark.data
@pytest.mark.parametrize("code", ["ru", "el", "ka", "ko", "ar", "he", "zh"])
def test_doing_nothing_is_refused(shared_data: Path, code: str) -> None:
    texts = [text for text in sample(shared_data, code) if not any(c.isascii() and c.isalnum() for c in text)]
    assert len(texts) > 2
    keyboard = nac.KeyboardAug()
    letters = [(text, stock(keyboard)(text)) for text in texts]
    assert all([c for c in text if c.isalpha()] == [c for c in noisy if c.isalpha()] for text, noisy in letters)
    with pytest.raises(NotApplicable, match=f"KeyboardAug does almost nothing in {code}"):
        guarded(texts, 0.05, code, augmenter=KEYBOARD)


@pytest.mark.data
@pytest.mark.parametrize("code", ["hi", "ru", "th", "he"])
def test_the_letters_are_those_of_the_language(shared_data: Path, code: str) -> None:
    """RandomCharAug writes ASCII letters into every script."""
    texts = [text for text in sample(shared_data, code) if not any(c.isascii() and c.isalpha() for c in text)]
    assert texts
    assert any(c.isascii() and c.isalpha() for text in texts for c in stock(nac.RandomCharAug())(text))
    perturber = guarded(texts, 0.2, code, parameters={"candidates": "@alphabet"})
    noised = [perturber(text, 0.2, text, language=code) for text in texts]
    assert all(result.edits for result in noised)
    assert not any(c.isascii() and c.isalpha() for result in noised for c in result.text)


def test_noise_depends_on_the_example_alone() -> None:
    """Stock: on the state of two global generators, so on what came before."""
    augment = stock(nac.RandomCharAug())
    assert [augment(text) for text in SHORT] != [augment(text) for text in SHORT]
    perturber = guarded(SHORT, 0.1, "en")
    forth = {text: perturber(text, 0.1, text, language="en") for text in SHORT}
    again = guarded(SHORT, 0.1, "en")  # as another worker would
    back = {text: again(text, 0.1, text, language="en") for text in reversed(SHORT)}
    assert forth == back


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_nothing(threads: int) -> None:
    """Stock: they share two generators, whose numbers go to whoever comes first."""
    char: Any = build("char")
    texts = SHORT[:8]
    bound = char.bind(0.2, "en")
    assert bound.augment(texts, num_thread=threads) == [bound.augment(text)[0] for text in texts]


@pytest.mark.data
@pytest.mark.parametrize(("code", "right"), [("en", 0.6), ("hi", 0.4)])
def test_edits_are_where_they_say(shared_data: Path, code: str, right: float) -> None:
    """Stock, with include_detail: of the changes it tells, so many have both words where it says they stand."""
    texts = list(sample(shared_data, code))
    detailed = nac.RandomCharAug(min_char=1)
    detailed.include_detail = True
    found = [
        text[change["orig_start_pos"] :].startswith(change["orig_token"])
        and noisy[change["new_start_pos"] :].startswith(change["new_token"])
        for text in texts
        for noisy, changes in detailed.augment(text)
        for change in changes
    ]
    assert len(found) > 50
    assert fmean(found) < right
    perturber = guarded(texts, 0.1, code)
    for text in texts:
        noised = perturber(text, 0.1, text, language=code)
        assert noised.edits
        assert rebuild(text, noised.edits) == noised.text
        assert all(noised.text[edit.noisy_start : edit.noisy_end] == edit.noisy for edit in noised.edits)


@pytest.mark.data
def test_tokens_are_neither_split_nor_emptied(shared_data: Path) -> None:
    """Stock, token by token: most Hindi tokens come back with spaces inside, or not at all."""
    rows = spread(shared_data / "wikiann_noisy" / "test.hi.jsonl.gz", 30)
    tokens = [token for row in rows for token in row["tokens"]]
    augment = nac.RandomCharAug(action="delete")
    broken = [not (new := (augment.augment(token) or [""])[0]) or len(new.split()) > 1 for token in tokens]
    assert fmean(broken) > 0.3
    perturber = guarded([" ".join(row["tokens"]) for row in rows], 0.2, "hi", parameters={"action": "delete"})
    for row in rows:
        noised = perturber.tokens(row["tokens"], 0.2, row["id"], language="hi")
        assert [len(token.split()) for token in noised.tokens] == [1] * len(row["tokens"])


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in ("natural", "codeswitch", "ime")])
def test_our_families_run_in_its_flows(name: str) -> None:
    ours: Any = build(name)
    language = next((code for code in ("ru", "ja", "vi") if ours.supports(code)), ours.languages()[0])
    texts = {
        "ru": "Съешь же Ещё этих мягких французских булок, да Выпей чаю.",
        "ja": "明日の天気は晴れです。",
        "vi": "Trời đẹp",
    }
    text = texts.get(language, "今天我们去学校看书")
    once = ours.bind(0.5, language, seed=3)
    (alone,) = once.augment(text)
    assert naf.Sequential([once]).augment(text) == [alone]
    assert naf.Sometimes([once], aug_p=1.0).augment(text) == [alone]
    char: Any = build("char")
    second = char.bind(0.2, language)
    both = naf.Sequential([once, naf.Sometimes([second], aug_p=1.0)])
    assert both.augment(text) == second.augment(alone) == both.augment(text)
    if name in {"char", "mix", "sequence", "realistic"}:
        assert alone != text
