"""Noise on real text: what a level comes to, and labels that stay true."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import datasets
import pytest

from tests import real
from xtreme_noise.data import sib200
from xtreme_noise.languages import XTREME_R
from xtreme_noise.languages.codes import FLORES
from xtreme_noise.noise import Perturber
from xtreme_noise.noise.apply import Perturbed, perturb
from xtreme_noise.noise.edits import rebuild
from xtreme_noise.noise.registry import checked_parameters, family_class

pytestmark = pytest.mark.data
PERTURBERS: dict[str, Perturber] = {
    name: family_class(name)(checked_parameters(name, {})) for name in ("char", "keyboard")
}
SENTENCES = 400


def check_levels(texts: list[str], code: str) -> None:
    assert len(texts) >= SENTENCES
    for family, perturber in PERTURBERS.items():
        if not perturber.supports(code):
            continue
        for level in (0.01, 0.1):
            noised = [perturber(text, level, str(i), language=code) for i, text in enumerate(texts)]
            reached = fmean(result.achieved for result in noised)
            assert abs(reached - level) <= 0.005, f"{family} {code} {level}: {reached}"
            assert all(rebuild(text, n.edits) == n.text for text, n in zip(texts[:50], noised, strict=False))


def test_all_languages_of_xtreme_r() -> None:
    assert tuple(FLORES) == XTREME_R


@pytest.mark.parametrize("code", FLORES)
def test_level_is_what_it_says(shared_data: Path, code: str) -> None:
    check_levels(sib200.sentences(shared_data, "train", code, SENTENCES), code)


@pytest.mark.parametrize("code", ["de", "ko", "ta", "zh"])
def test_level_is_what_it_says_on_short_text(shared_data: Path, code: str) -> None:
    path = shared_data / "tatoeba" / f"test.{code}-en.jsonl.gz"
    found = [row["source_sentence"] for row in real.lines(path)]
    # Each under several ids, so with other noise: a sentence of eight characters has one edit or none.
    check_levels((found * 10)[: 5 * SENTENCES], code)


def noised(
    dataset: datasets.Dataset, family: str, field: str, code: str, level: float, noise: str = "char"
) -> Perturbed:
    return perturb(
        dataset,
        family=family,
        field=field,
        perturber=PERTURBERS[noise],
        level=level,
        seed=0,
        language=code,
        dataset_name="test",
        split="test",
    )


@pytest.mark.parametrize("code", ["ar", "de", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"])
def test_answers_are_carried_through_noise(shared_data: Path, code: str) -> None:
    found = [
        row for row, _ in zip(real.lines(shared_data / "xquad" / f"test.{code}.jsonl.gz"), range(60), strict=False)
    ]
    columns = ("id", "question", "context", "answers")
    dataset = datasets.Dataset.from_list([{name: row[name] for name in columns} for row in found])
    carried = noised(dataset, "qa", "context", code, 0.1)
    same = changed = 0
    for clean, noisy in zip(dataset, carried.dataset, strict=True):
        assert clean["question"] == noisy["question"]
        for old, text, start in zip(
            clean["answers"]["text"], noisy["answers"]["text"], noisy["answers"]["answer_start"], strict=True
        ):
            assert text
            assert noisy["context"][start : start + len(text)] == text
            same += text == old
            changed += text != old
    assert changed > same / 10
    kept = noised(dataset, "qa", "context_protected", code, 0.1)
    for clean, noisy in zip(dataset, kept.dataset, strict=True):
        assert clean["answers"]["text"] == noisy["answers"]["text"]
        for text, start in zip(noisy["answers"]["text"], noisy["answers"]["answer_start"], strict=True):
            assert noisy["context"][start : start + len(text)] == text
    assert kept.dataset["context"] != dataset["context"]
    assert carried.achieved == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("code", ["th", "zh", "ja", "en", "vi", "ko"])
def test_tokens_keep_their_tags(shared_data: Path, code: str) -> None:
    found = [
        row
        for row, _ in zip(real.lines(shared_data / "udpos_xtreme" / f"test.{code}.jsonl.gz"), range(200), strict=False)
    ]
    dataset = datasets.Dataset.from_list(
        [{"id": row["id"], "tokens": row["tokens"], "tags": [0] * len(row["tokens"])} for row in found]
    )
    for noise in ("char", "keyboard"):
        if not PERTURBERS[noise].supports(code):
            continue
        for level in (0.05, 0.3):
            result = noised(dataset, "tagging", "tokens", code, level, noise)
            for clean, noisy in zip(dataset, result.dataset, strict=True):
                assert len(clean["tokens"]) == len(noisy["tokens"])
                assert all(noisy["tokens"])
                assert clean["tags"] == noisy["tags"]
                assert clean["id"] == noisy["id"]
            if level == 0.05:
                # A keyboard can act on no digits, Han and punctuation; a character can be the whole token.
                assert result.achieved == pytest.approx(level, abs=0.005)
            assert 0.5 < result.changed <= 1
            assert result.word_change_rate > result.achieved / 2
