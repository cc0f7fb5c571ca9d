"""nlpaug both ways: our families in its flows, its augmenters behind our guard."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import nlpaug.flow as naf
import numpy as np
import pytest
from nlpaug import Augmenter

from xtreme_noise.errors import ConfigError, DataError, NotApplicable
from xtreme_noise.noise import Perturber, build
from xtreme_noise.noise.edits import rebuild
from xtreme_noise.noise.families import nlpaug as family
from xtreme_noise.noise.text import distance, graphemes
from xtreme_noise.noise.words import words

EN = [f"The quick brown fox number {n} jumps over the lazy dog, and it wasn't seen again." for n in range(60)]
HI = ["ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश", "हिन्दी में लिखा हुआ एक छोटा वाक्य"] * 20
RU = ["Съешь же ещё этих мягких французских булок, да выпей чаю.", "Сегодня хорошая погода"] * 20
TH = ["เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน"] * 20
RANDOM = "nlpaug.augmenter.char.RandomCharAug"
KEYBOARD = "nlpaug.augmenter.char.KeyboardAug"


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A coarse calibration is enough here, but not for real text."""
    if "data" not in request.keywords:
        monkeypatch.setattr(family, "_COARSE", 40)
        monkeypatch.setattr(family, "_FINE", 250)


def prepared(texts: list[str], level: float, language: str, **parameters: Any) -> Perturber:
    perturber: Perturber = build("nlpaug", **parameters)
    perturber.prepare(texts, level, language)
    return perturber


def state() -> tuple[Any, ...]:
    return random.getstate(), repr(np.random.get_state())


def test_our_families_run_in_nlpaug_flows() -> None:
    char: Any = build("char")
    keyboard: Any = build("keyboard")
    assert isinstance(char, Augmenter)
    flow = naf.Sequential([char.bind(0.1, "de"), naf.Sometimes([keyboard.bind(0.1, "de")], aug_p=1.0)])
    text = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich"
    (noisy,) = flow.augment(text)
    assert noisy != text
    expected = char.bind(0.1, "de").augment(text)
    assert flow.augment(text) == [noisy]
    assert keyboard.bind(0.1, "de").augment(expected) == [noisy]
    assert len(set(char.bind(0.3, "de").augment(text, n=4))) == 4
    assert len(char.bind(0.3, "de").augment([text, "Guten Tag"])) == 2
    with pytest.raises(ConfigError, match="bind"):
        char.augment(text)
    with pytest.raises(ConfigError, match="cannot act in 'zh'"):
        keyboard.bind(0.1, "zh")


@pytest.mark.parametrize(("language", "texts"), [("en", EN), ("hi", HI), ("th", TH)])
def test_the_level_is_met_on_whole_graphemes(language: str, texts: list[str]) -> None:
    perturber = prepared(texts, 0.05, language, parameters={"candidates": "@alphabet"})
    results = [perturber(text, 0.05, str(i), language=language) for i, text in enumerate(texts * 3)]
    assert fmean(result.achieved for result in results) == pytest.approx(0.05, abs=0.01)
    for text, result in zip(texts * 3, results, strict=True):
        assert rebuild(text, result.edits) == result.text
        # Nothing else than the edits: spaces, punctuation and clusters are as they were.
        units = graphemes(text)
        assert distance(units, graphemes(result.text)) == round(result.achieved * len(units))
        assert sum(unit == " " for unit in units) == result.text.count(" ")


@pytest.mark.parametrize("action", ["insert", "substitute", "swap", "delete"])
def test_every_action(action: str) -> None:
    for language, texts in (("en", EN), ("hi", HI)):
        perturber = prepared(texts, 0.05, language, parameters={"action": action})
        reached = fmean(perturber(text, 0.05, f"{n}", language=language).achieved for n, text in enumerate(texts * 3))
        assert reached == pytest.approx(0.05, abs=0.015)


def test_no_op_and_damage_are_refused() -> None:
    with pytest.raises(NotApplicable, match=r"does almost nothing in ru.*0\.0000"):
        prepared(RU, 0.05, "ru", augmenter=KEYBOARD)
    with pytest.raises(NotApplicable, match="changes en text even at aug_p=0"):
        prepared(EN, 0.05, "en", augmenter="nlpaug.augmenter.sentence.RandomSentAug", rate="aug_p")
    with pytest.raises(DataError, match="no text to calibrate"):
        prepared([" "], 0.05, "en")


def test_generators_are_seeded_and_left_alone() -> None:
    perturber = prepared(EN, 0.1, "en")
    random.seed(1)
    np.random.seed(1)
    before = state()
    one = perturber(EN[0], 0.1, "x", language="en")
    random.seed(2)
    np.random.seed(2)
    for text in EN[1:5]:
        perturber(text, 0.1, "other", language="en")
    assert perturber(EN[0], 0.1, "x", language="en") == one
    assert perturber(EN[0], 0.1, "x", seed=1, language="en") != one
    random.seed(1)
    np.random.seed(1)
    perturber.prepare(EN, 0.1, "en")
    perturber(EN[0], 0.1, "x", language="en")
    assert state() == before


def test_level_zero_and_protected_spans() -> None:
    perturber = build("nlpaug")
    perturber.prepare(EN, 0.0, "en")
    text = "  spaces  are , odd\u00a0here e\u0301 "
    assert perturber(text, 0.0, "x", language="en").text == text
    perturber.prepare(EN, 0.5, "en")
    for n in range(20):
        noised = perturber(EN[0], 0.5, str(n), language="en", protect=[(4, 15), (10, 19)])
        assert not any(edit.start < 19 and edit.end > 4 for edit in noised.edits)
        assert noised.text[:2] != "  "


def test_tokens_are_kept() -> None:
    for action in ("substitute", "delete"):
        perturber = prepared(EN, 0.3, "en", parameters={"action": action})
        assert perturber.keeps_tokens
        reached = []
        for n, text in enumerate(EN):
            tokens = [*text.split(), "a", "5 000"]
            noised = perturber.tokens(tokens, 0.3, str(n), language="en")
            assert len(noised.tokens) == len(tokens)
            assert all(noised.tokens)
            assert rebuild(" ".join(tokens), noised.edits) == " ".join(noised.tokens)
            reached.append(noised.achieved)
        assert fmean(reached) == pytest.approx(0.3, abs=0.04)


def test_what_changes_labels_and_tokens_says_so() -> None:
    word = build("nlpaug", augmenter="nlpaug.augmenter.word.RandomWordAug", rate="aug_p")
    spelling = build("nlpaug", augmenter="nlpaug.augmenter.word.SpellingAug", rate="aug_p")
    char = build("nlpaug")
    assert [p.label_preserving for p in (char, spelling, word)] == [True, True, False]
    assert [p.keeps_tokens for p in (char, spelling, word)] == [True, False, False]


def test_word_augmenters_keep_the_spaces() -> None:
    perturber = prepared(EN, 0.1, "en", augmenter="nlpaug.augmenter.word.RandomWordAug", rate="aug_p")
    noised = [perturber(text, 0.1, str(n), language="en") for n, text in enumerate(EN)]
    assert fmean(result.achieved for result in noised) == pytest.approx(0.1, abs=0.03)
    assert all("dog," in result.text or "dog" not in result.text or "," not in result.text for result in noised)
    assert fmean(len(words(result.text, "en")) for result in noised) < len(words(EN[0], "en"))


SPELLING = """
from xtreme_noise.noise import build
from xtreme_noise.noise.families.nlpaug import Calibration
p = build("nlpaug", augmenter="nlpaug.augmenter.word.SpellingAug", rate="aug_p")
p._calibrations[0.1, "en"] = Calibration(0.5, 1.0)
text = "The quick brown fox which jumps over the lazy dog because they were there"
found = repr([p(text, 0.1, str(n), language="en").text for n in range(20)])
"""


def test_spelling_is_the_same_in_every_process() -> None:
    """nlpaug keeps the candidates of a word in the order of a set, which differs from process to process."""
    here: dict[str, Any] = {}
    exec(SPELLING, here)
    without = "import sys; sys.modules.update(torch=None, transformers=None)"  # seconds of import, not needed here
    other = subprocess.run(
        [sys.executable, "-c", f"{without}\n{SPELLING}print(found)"],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == here["found"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"augmenter": "os.path.join"}, "not a class path inside nlpaug"),
        ({"augmenter": "nlpaug.augmenter.char.RandomCharAgu"}, "did you mean 'RandomCharAug'"),
        ({"augmenter": "nlpaug.augmenter.char.rnadom.RandomCharAug"}, "cannot import"),
        ({"parameters": {"aug_char_max": 3}}, "would make the level depend"),
        ({"parameters": {"min_chars": 3}}, "did you mean 'min_char'"),
        ({"parameters": {"aug_char_p": 0.3}}, "the level sets aug_char_p"),
        ({"rate": "aug_p"}, "did you mean 'aug_word_p'|did you mean 'aug_char_p'"),
        ({"augmenter": 3}, r"noise\.families\.nlpaug\.augmenter must be str"),
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        build("nlpaug", **parameters)


def test_constructor_errors_are_told() -> None:
    with pytest.raises(ConfigError, match="KeyboardAug: ValueError"):
        build("nlpaug", augmenter=KEYBOARD, parameters={"lang": "xx"})


def test_perturbing_needs_calibration() -> None:
    with pytest.raises(ConfigError, match="prepare"):
        build("nlpaug")("text", 0.1, "x", language="en")


def test_signature() -> None:
    perturber = build("nlpaug", parameters={"action": "swap"})
    assert perturber.signature == (
        f'nlpaug/v2(nlpaug=1.1.11,augmenter={RANDOM},parameters={{"action": "swap"}},rate=aug_char_p)'
    )


@pytest.mark.data
def test_level_on_real_text(shared_data: Path) -> None:
    with gzip.open(shared_data / "xnli" / "test.hi.jsonl.gz", "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["premise"] for line, _ in zip(file, range(800), strict=False)][::2]
    perturber = prepared(texts, 0.05, "hi")
    reached = fmean(perturber(text, 0.05, str(n), language="hi").achieved for n, text in enumerate(texts))
    assert reached == pytest.approx(0.05, abs=0.005)
