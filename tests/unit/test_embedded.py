"""The embedded source: disjoint splits, the same rows in every process, spans where the slots are."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from xtreme_noise.data import embedded
from xtreme_noise.data.embedded import INTENTS, LANGUAGES, SIZES, SLOT_TAGS, SPLITS, bio, rows
from xtreme_noise.data.embedded_grammar import pick, shuffled
from xtreme_noise.errors import ConfigError, DataError

SOME = ("en", "ar", "fr", "ko", "th")


def bare(text: str) -> str:
    """Without case and spaces: two sentences that differ in these are one sentence."""
    return "".join(text.casefold().split())


@pytest.mark.parametrize("language", SOME)
def test_splits_share_no_sentence_and_no_unit(language: str) -> None:
    texts = {split: [bare(row["text"]) for row in rows("intents", language, split)] for split in SPLITS}
    slots = {split: [bare("".join(row["tokens"])) for row in rows("slots", language, split)] for split in SPLITS}
    for split in SPLITS:
        assert len(set(texts[split])) == len(texts[split])
        assert len(set(slots[split])) == len(slots[split])
        for other in set(SPLITS) - {split}:
            assert not set(texts[split]) & set(texts[other])
            assert not set(texts[split]) & set(slots[other])  # nor over the two tasks
    divided, _ = embedded._grammar(language)
    for intent in INTENTS:
        seen: Counter[int] = Counter()
        whole: dict[int, set[str]] = {}
        for split in SPLITS:
            for unit in divided[intent][split]:
                seen[id(unit)] += 1
                whole.setdefault(id(unit.expression), set()).add(split)
        assert set(seen.values()) == {1}
        if len(whole) >= len(SPLITS):  # enough templates: none is divided
            assert all(len(splits) == 1 for splits in whole.values()), intent


@pytest.mark.parametrize("language", SOME)
def test_rows_are_in_normal_form(language: str) -> None:
    for split in SPLITS:
        found = rows("intents", language, split)
        assert SIZES["intents"][split] * 0.8 <= len(found) <= SIZES["intents"][split]
        assert len({row["id"] for row in found}) == len(found)
        present = {row["label"] for row in found}  # French tells the time in two ways only: none is left for dev
        assert present == set(range(len(INTENTS))) or (split == "dev" and len(present) == 16)
        assert all(row["text"] == " ".join(row["text"].split()) != "" for row in found)
        assert not any(mark in row["text"] for row in found for mark in "{}<>[]|()")
        tagged = rows("slots", language, split)
        assert 100 < len(tagged) <= SIZES["slots"][split]
        assert len({row["id"] for row in tagged}) == len(tagged)
        for row in tagged:
            assert len(row["tokens"]) == len(row["tags"])
            assert any(row["tags"])
            previous = "O"
            for tag in (SLOT_TAGS[index] for index in row["tags"]):
                assert not tag.startswith("I-") or previous[2:] == tag[2:], row
                previous = tag


def test_every_language_has_rows_and_words_for_the_open_lists() -> None:
    assert len(LANGUAGES) == len(set(LANGUAGES)) == 44
    assert set(embedded._values()) == set(LANGUAGES)
    columns = embedded._values()["en"].keys()
    for values in embedded._values().values():
        assert values.keys() == columns
        assert all(word.strip() == word and word for cells in values.values() for word in cells)


def test_another_process_samples_the_same() -> None:
    code = (
        "import json; from xtreme_noise.data.embedded import rows;"
        "found = json.dumps([rows(p, 'lt', s) for p in ('intents', 'slots') for s in ('dev', 'test')])"
    )
    here: dict[str, Any] = {}
    exec(code, here)
    environment = {**os.environ, "PYTHONHASHSEED": "2", "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", f"{code};print(found)"]
    assert subprocess.check_output(words, env=environment, text=True).strip() == here["found"]


def test_sampling_leaves_the_global_stream_alone() -> None:
    random.seed(3)
    before = random.getstate()
    embedded._pools.cache_clear()
    rows("slots", "en", "dev")
    assert random.getstate() == before


def test_bio_with_spaces() -> None:
    text = "set the living room lamp to 50%"
    spans = [(8, 19, "area"), (28, 30, "brightness")]
    tokens, tags = bio(text, spans, spaces=True)
    assert tokens == text.split()
    assert tags == ["O", "O", "B-area", "I-area", "O", "O", "B-brightness"]


def test_bio_without_spaces_is_by_grapheme() -> None:
    tokens, tags = bio("ปิด ห้องครัว30นาที", [(4, 12, "area"), (12, 14, "minutes")], spaces=False)
    assert tokens == ["ปิ", "ด", "ห้", "อ", "ง", "ค", "รั", "ว", "30", "น", "า", "ที"]
    assert tags == ["O", "O", "B-area", *["I-area"] * 5, "B-minutes", "O", "O", "O"]


def test_two_spans_of_a_kind_side_by_side_stay_two() -> None:
    assert bio("a b", [(0, 1, "name"), (2, 3, "name")], spaces=True)[1] == ["B-name", "B-name"]


def test_spans_lie_where_the_values_are() -> None:
    """Every area that is tagged in English is one of the areas that were put in."""
    areas = {word for area in embedded._values()["en"]["areas"] for word in area.split()}
    tagged = {
        token
        for row in rows("slots", "en", "train")
        for token, tag in zip(row["tokens"], row["tags"], strict=True)
        if SLOT_TAGS[tag].endswith("-area")
    }
    assert tagged and tagged <= areas | {f"{word}'s" for word in areas}


def test_unknown_names_get_a_hint() -> None:
    with pytest.raises(ConfigError, match="did you mean 'slots'"):
        rows("slot", "en", "train")
    with pytest.raises(ConfigError, match="unknown language 'xx'"):
        rows("slots", "xx", "train")
    with pytest.raises(ConfigError, match="unknown split 'validation'"):
        rows("slots", "en", "validation")


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    embedded.version.cache_clear()
    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(DataError, match="pip install home-assistant-intents"):
        embedded.version()


def test_the_version_names_what_the_rows_depend_on() -> None:
    assert embedded.version() == "home-assistant-intents=2026.10.27 hassil=3.12.1 v1"


def test_shuffling_is_a_permutation_and_picks_reach_everything() -> None:
    rng = random.Random("seed")
    assert sorted(shuffled(rng, range(50))) == list(range(50))
    assert {pick(rng, "abc") for _ in range(100)} == set("abc")
