"""The engine on any text there may be: every script, emoji joiners, stacked marks, rtl marks, long runs."""

from __future__ import annotations

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract import check_text, check_tokens
from tests.golden import digests
from xtreme_noise.errors import DataError
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.alphabets import alphabet
from xtreme_noise.noise.edits import NoisedText, edits_between, rebuild
from xtreme_noise.noise.engine import EngineFamily
from xtreme_noise.noise.perturber import Perturber
from xtreme_noise.noise.retokenize import Tokenizer
from xtreme_noise.noise.text import _MARKED, _PLAIN, Clusters, graphemes, is_lone

PERTURBERS: dict[str, Perturber] = {name: digests.perturber(name) for name in digests.FAMILIES}
CODES = sorted(LANGUAGES)
AWKWARD = [
    "\u200d", "\u200c", "\u200e", "\u200f", "\u202b", "\ufeff", "\u0301", "\u0323", "\u093f", "\u094d",
    "\u0e33", "\u0e48", "\u064e", "\u05b8", "\u1039", "\u102c", "\u1100", "\u1161", "\u11a8", "\uac00", "\r\n", "\r",
    "\n", "\u00ad", "👩‍👩‍👧", "🇩🇪", "🇩", "👍🏽", "1️⃣", "é", "e\u0301", "ﬁ", "ﻻ", "Å", "\u0600",
    "\U0001e900", "\ufe0f", "क्", "ß",
]  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str]:
    """A language and text mostly of its letters, among anything else."""
    code = draw(st.sampled_from(CODES))
    letters = st.sampled_from(alphabet(code))
    anything = st.characters(exclude_categories=["Cs"])
    piece = st.one_of(letters, letters, letters, st.sampled_from(AWKWARD), st.just(" "), anything)
    return code, "".join(draw(st.lists(piece, max_size=60)))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(case=cases(), level=st.floats(0, 1), uid=st.text(max_size=3))
def test_contract_on_any_text(case: tuple[str, str], level: float, uid: str) -> None:
    """Every family on the same text: drawing it is what costs most."""
    code, text = case
    for perturber in PERTURBERS.values():
        if not perturber.supports(code):
            continue
        noised = check_text(perturber, text, level, uid, code)
        if isinstance(perturber, EngineFamily):
            units = graphemes(text)
            asked = Clusters.of(text, units).asked
            kinds = perturber._table(code).kinds("".join(asked), asked)
            left = iter(graphemes(noised.text))
            # What the family cannot act on is there still, whole and in order.
            assert all(unit in left for unit, kind in zip(units, kinds, strict=True) if not kind), perturber.family


@settings(max_examples=150, deadline=None, derandomize=True)
@given(case=cases(), level=st.floats(0, 1), start=st.integers(0, 30), size=st.integers(1, 10))
def test_protected_text_stays(case: tuple[str, str], level: float, start: int, size: int) -> None:
    code, text = case
    noised = PERTURBERS["char"](text, level, "x", language=code, protect=[(start, start + size)])
    assert not any(edit.start < start + size and edit.end > start for edit in noised.edits)
    assert rebuild(text, noised.edits) == noised.text


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(case=cases(), level=st.floats(0, 1))
def test_tokens_are_kept(case: tuple[str, str], level: float) -> None:
    code, text = case
    tokens = text.split()
    for perturber in PERTURBERS.values():
        if tokens and perturber.supports(code) and perturber.keeps_tokens:
            check_tokens(perturber, tokens, level, "x", code)


@pytest.mark.parametrize("family", PERTURBERS)
def test_the_ends_of_what_text_can_be(family: str) -> None:
    perturber = PERTURBERS[family]
    code = perturber.languages()[0]
    for empty in ("", " ", "\n"):
        for level in (0.0, 0.5, 1.0):
            assert perturber(empty, level, "x", language=code).achieved <= level
    assert perturber("", 1.0, "x", language=code) == NoisedText("", (), 0.0, 0.0)
    for wrong in ("\ud800", "a\udfff", "a\ud83d b", "\udc00\ud800"):
        with pytest.raises(DataError, match="lone surrogate U\\+D"):
            perturber(wrong, 0.1, "x", language=code)
        if perturber.keeps_tokens:
            with pytest.raises(DataError, match="lone surrogate U\\+D"):
                perturber.tokens(["a", wrong], 0.1, "x", language=code)


@pytest.mark.parametrize("family", PERTURBERS)
def test_very_long_text(family: str) -> None:
    """As much noise as in a short text, up to one change (a word), also where the text is one word."""
    perturber = PERTURBERS[family]
    for code in [code for code in ("en", "hi", "ja") if perturber.supports(code)]:
        letters = digests.LETTERS[code]
        line = "".join(letters[:7] + " " + letters[4:14].title() + ", " for _ in range(3)) + "Latin words 1984.\n"
        text = line * (20_000 // len(line))
        noised = perturber(text, 0.02, "x", language=code)
        assert rebuild(text, noised.edits) == noised.text
        assert noised.achieved <= 0.022
        assert (noised.achieved > 0) == (noised.capacity > 0)
        if noised.capacity > 0.3:
            assert noised.achieved == pytest.approx(0.02, abs=0.001)
    code = perturber.languages()[0]
    one_word = digests.LETTERS[code][:20] * 500
    for level in (0.01, 1.0):
        noised = perturber(one_word, level, "x", language=code)
        assert rebuild(one_word, noised.edits) == noised.text


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(AWKWARD)), max_size=20))
def test_the_fast_path_is_no_other_path(pieces: list[str]) -> None:
    text = "".join(piece for piece in pieces if is_lone(piece))
    assert is_lone(text)
    assert regex.findall(r"\X", text) == list(text)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(cases(), cases())
def test_edits_between_any_two_texts(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert rebuild(one[1], edits_between(one[1], other[1])) == other[1]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(cases())
def test_the_tokenizer_of_foreign_augmenters_loses_nothing(case: tuple[str, str]) -> None:
    text = case[1].strip()
    tokenizer = Tokenizer(" ")
    assert tokenizer.join(tokenizer.split(text)) == text


def test_every_lone_character_is_alone() -> None:
    lone = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000 and is_lone(chr(code))]
    text = "".join(lone)
    assert len(lone) > 30_000
    assert regex.findall(r"\X", text) == lone


def test_every_plain_cluster_is_a_cluster() -> None:
    """The quicker way to cut marked words, of which every base and every mark is tried, with any other beside it."""
    every = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    bases = [char for char in every if _PLAIN.fullmatch(char)]
    marks = sorted({char for char in every if _PLAIN.fullmatch(f"a{char}")} - {*bases})
    assert len(bases) > 30_000
    assert len(marks) > 200
    texts = ["".join(bases)]
    texts += ["".join(base + mark for base in bases) for mark in ("\u0301", "\u0e48", "\u064e", "\u1037")]
    texts += ["".join(f"{base}{mark}{base}{mark}{mark}" for mark in marks) for base in "aกကبש\u00a0한®"]
    for text in texts:
        same = _MARKED.findall(text) == regex.findall(
            r"\X", text
        )  # not in the assertion: no difference of 30,000 is shown
        assert same, f"{text[:2]!a} ..."
