"""Long texts: what noise has to do grows as the text does. Work is counted, not timed: lines of Python, and cells of
the tables that distances are computed in. The limits beyond which a text is long are lowered: tests take a moment.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import FrameType
from typing import Any
from unicodedata import normalize

import pytest
import regex
from rapidfuzz.distance import OSA, Levenshtein

from tests.golden.digests import FAMILIES, LETTERS, SAME, perturber
from xtreme_noise.data.sentences import sentences
from xtreme_noise.data.transform import token_change_rate
from xtreme_noise.noise import alignment, build, casing, changes, error_mix, foreign, stream, wordwise
from xtreme_noise.noise.alignment import differences, distance, stretches
from xtreme_noise.noise.edits import carry, edits_between, rebuild
from xtreme_noise.noise.families.nlpaug import Calibration
from xtreme_noise.noise.retokenize import Tokenizer
from xtreme_noise.noise.text import graphemes

SMALL, TIMES = 350, 4  # graphemes; how much longer the other text is
GROWTH = 1.6 * TIMES  # a square would be TIMES * TIMES


class _Counted:
    """A measure of rapidfuzz that tells how many cells (64 at a time) it may have had to fill."""

    cells = 0

    def __init__(self, measure: Any) -> None:
        self._measure = measure

    def __getattr__(self, name: str) -> Any:
        def call(one: Sequence[Any], other: Sequence[Any], **rest: Any) -> Any:
            _Counted.cells += len(one) * len(other) // 64
            return getattr(self._measure, name)(one, other, **rest)

        return call


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (alignment, changes, error_mix, foreign):
        monkeypatch.setattr(module, "LONG", 256)
    monkeypatch.setattr(alignment, "_WINDOW", 128)
    monkeypatch.setattr(changes, "_STRETCH", 64)
    monkeypatch.setattr(wordwise, "LONGEST", 32)
    monkeypatch.setattr(error_mix, "_TOGETHER", 64)
    monkeypatch.setattr(foreign, "_PIECE", 64)
    monkeypatch.setattr(alignment, "Levenshtein", _Counted(Levenshtein))
    monkeypatch.setattr(error_mix, "OSA", _Counted(OSA))


def work(call: Callable[[], Any]) -> int:
    """Lines that `call` runs, and cells."""
    lines, before, outer = 0, _Counted.cells, sys.gettrace()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG001
        nonlocal lines
        lines += event == "line"
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(outer)
    return lines + _Counted.cells - before


def grows_as_its_input(call: Callable[[int], Any]) -> None:
    """`call`, given a size, does about TIMES as much for TIMES the size. Done once before, for what is remembered."""
    call(SMALL * TIMES)
    few, many = work(lambda: call(SMALL)), work(lambda: call(SMALL * TIMES))
    assert many <= GROWTH * few + 2000, f"{many / few:.1f} times the work for {TIMES} times the text"


def words(code: str, size: int) -> str:
    """Words, signs and numbers, never twice the same."""
    letters, drawn, found = LETTERS[code][:30], random.Random(1), ""
    while len(found) < size:
        word = "".join(drawn.choices(letters, k=drawn.randint(1, 8)))
        found += " " + drawn.choice([word, word, word.title(), word.upper(), f"{word},", f"{drawn.randint(1, 3000)}."])
    return found[1 : size + 1]


SHAPES: dict[str, Callable[[str, int], str]] = {
    "words": words,
    "one word": lambda code, size: (LETTERS[code][:20] * size)[:size],
    "capitals": lambda code, size: (LETTERS[code][:6].upper() * size)[:size],
    "signs": lambda code, size: (LETTERS[code][0] + " " + "." * size)[:size],
    "spaces": lambda code, size: words(code, size).replace(" ", " " * 9)[:size],
    "NFD": lambda code, size: normalize("NFD", words("vi", size))[:size] + LETTERS[code][:5],
}


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in SAME])
@pytest.mark.parametrize("shape", SHAPES)
def test_noise(family: str, shape: str) -> None:
    """A text, one with many protected spans, and tokens."""
    noise = perturber(family)
    code = next(code for code in ("en", "ja", "ru", "vi") if noise.supports(code))
    texts = {size: SHAPES[shape](code, size) for size in (SMALL, SMALL * TIMES)}
    spans = {size: [(at, at + 3) for at in range(0, size - 3, 40)] for size in texts}
    grows_as_its_input(lambda size: noise(texts[size], 1.0, "x", language=code))
    grows_as_its_input(lambda size: noise(texts[size], 0.2, "x", language=code, protect=spans[size]))
    if noise.keeps_tokens:
        grows_as_its_input(lambda size: noise.tokens(texts[size].split(), 0.2, "x", language=code))


def test_edits_are_found_and_spans_carried() -> None:
    noise = perturber("char")
    pairs = {}
    for size in (SMALL, SMALL * TIMES):
        text = words("en", size)
        pairs[size] = text, noise(text, 0.2, "x", language="en")

    def carried(size: int) -> None:
        text, noised = pairs[size]
        for at in range(0, size - 5, 10):
            carry((at, at + 5), noised.edits)
        assert rebuild(text, edits_between(text, noised.text)) == noised.text
        distance(text, noised.text)
        token_change_rate([list(map(ord, text))], [list(map(ord, noised.text))])

    grows_as_its_input(carried)


@pytest.mark.parametrize("level", [0.05, 0.5])
def test_kinds_of_errors_are_counted(level: float) -> None:
    noise = perturber("char")
    pairs = {size: words("en", size) for size in (SMALL, SMALL * TIMES)}
    noisy = {size: noise(text, level, "x", language="en").text for size, text in pairs.items()}
    grows_as_its_input(lambda size: error_mix.error_mix(pairs[size], noisy[size], "en"))


def test_tokens_of_a_stock_augmenter_are_put_back() -> None:
    def joined(size: int) -> None:
        tokenizer = Tokenizer(" ")
        tokens = tokenizer.split(words("en", size * 4))
        assert tokenizer.join([token for at, token in enumerate(tokens) if at % 7]).count(" ") < len(tokens)

    grows_as_its_input(joined)


def test_stock_augmenters_get_long_texts_in_pieces() -> None:
    for text in (words("en", 3000), "x" * 3000, "e\u0301" * 3000, " " * 3000):
        pieces = foreign.pieces(text)
        assert "".join(pieces) == text
        assert len(pieces) > 10 and max(len(graphemes(piece)) for piece in pieces) <= 256
    assert foreign.pieces("a b" * 50) == ["a b" * 50]
    noise: Any = build("nlpaug")
    noise._calibrations[0.1, "en"] = Calibration(0.3, 1.0)
    grows_as_its_input(lambda size: noise(words("en", size), 0.1, "x", language="en"))
    text = words("en", 3000)
    noised = noise(text, 0.1, "x", language="en")
    assert rebuild(text, noised.edits) == noised.text and noised.achieved > 0.1


def test_the_key_of_a_stream_does_not_grow_with_the_text() -> None:
    """In nlpaug's flows the text is part of its own key, which every draw reads."""
    short = stream.message(0, "char", 1, "en", "x" * 4000)
    assert short.endswith(b"x" * 4000)
    keys = {stream.message(0, "char", 1, "en", "x" * size) for size in (5000, 5001, 5_000_000)}
    assert len(keys) == 3 and {len(key) for key in keys} == {64}


def test_a_row_of_flags() -> None:
    """\\X of the regex package counts back to the first flag from every one. Timed: it is not Python's work."""
    for text in ("🇩🇪" * 7, "🇩🇪" * 7 + "🇩", "a🇩🇪\u0301🇫🇷🇫", "🇩\u200d🇪🇫", "\u0600🇩🇪🇫🇷", "🇩 🇪🇫"):
        assert graphemes(text) == regex.findall(r"\X", text)

    def seconds(count: int) -> float:
        begin = time.process_time()
        assert len(graphemes("🇩🇪" * count)) == count
        return time.process_time() - begin

    assert seconds(16_000) < 8 * seconds(4_000) + 0.2  # a square: 0.1 s and 1.7 s


def test_sentences() -> None:
    """Timed: what takes the time is copying."""

    def seconds(count: int) -> float:
        begin = time.process_time()
        assert len(sentences("Mr. A. said so. " * count)) == count
        return time.process_time() - begin

    assert seconds(40_000) < 8 * seconds(10_000) + 0.2


def test_an_alignment_in_windows_is_one() -> None:
    """It covers both sides; what it calls the same is; it costs little more than the shortest."""
    drawn = random.Random(3)
    for rate in (0.0, 0.05, 0.3, 1.0):
        old = [drawn.choice("abcdefgh ") for _ in range(4000)]
        new = [letter for letter in old for _ in range(drawn.choice((0, 2)) if drawn.random() < rate else 1)]
        for steps in (list(alignment.alignment(old, new)), list(stretches(old, new, 100))):
            assert (steps[0].start, steps[0].noisy_start) == (0, 0)
            assert (steps[-1].end, steps[-1].noisy_end) == (len(old), len(new))
            assert all((a.end, a.noisy_end) == (b.start, b.noisy_start) for a, b in pairwise(steps))
            same = [step for step in steps if step.same]
            assert all(old[step.start : step.end] == new[step.noisy_start : step.noisy_end] for step in same)
        assert all(max(step.end - step.start, step.noisy_end - step.noisy_start) <= 100 for step in steps)
        shortest = Levenshtein.distance(old, new)
        assert shortest <= distance(old, new) <= 1.02 * shortest
    assert not list(differences("a" * 4000, "a" * 4000))
    for clean, noisy in (("", "b" * 4000), ("a" * 4000, ""), ("ab" * 2000, "b"), ("a", "b" * 600 + "a")):
        assert distance(list(clean), list(noisy)) == Levenshtein.distance(clean, noisy)


@pytest.mark.parametrize("family", ["char", "keyboard", "space", "case", "word", "punctuation"])
def test_a_long_text_has_the_level_of_a_short_one(family: str) -> None:
    """Measured in stretches, it is what Levenshtein's distance says of the whole: at usual levels to the last edit."""
    noise, text = perturber(family), words("en", 6000)
    noised = noise(text, 0.1, "x", language="en")
    exact = Levenshtein.distance(text, noised.text)
    assert exact <= round(noised.achieved * len(text)) <= 1.01 * exact
    assert rebuild(text, noised.edits) == noised.text
    if noised.capacity > 0.3:
        assert noised.achieved == pytest.approx(0.1, abs=0.002)


def test_rows_of_capitals_longer_than_a_word_change_in_pieces() -> None:
    noised = perturber("case")("A" * 100, 0.4, "x", language="en")
    assert {len(edit.clean) for edit in noised.edits} <= {4, 32}
    assert casing.lower(noised.text, "en") == "a" * 100
