"""Noise on data sets in normal form: which columns change, what is measured, what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import pytest

from xtreme_noise import tasks
from xtreme_noise.errors import ConfigError, DataError, NotApplicable
from xtreme_noise.noise.apply import Perturbed, perturb
from xtreme_noise.noise.edits import Edit, NoisedText
from xtreme_noise.noise.engine import Table
from xtreme_noise.noise.families.char import Family
from xtreme_noise.noise.perturber import NoisedTokens, Perturber
from xtreme_noise.noise.registry import checked_parameters, family_class
from xtreme_noise.noise.words import words

TEXT = "the quick brown fox jumps over the lazy dog"
DATA: dict[str, datasets.Dataset] = {
    "classification": datasets.Dataset.from_dict(
        {"id": ["a", "b"], "text": [TEXT, TEXT[4:]], "text_pair": [TEXT[10:], TEXT], "label": [0, 1]}
    ),
    "tagging": datasets.Dataset.from_dict(
        {"id": ["a", "b"], "tokens": [TEXT.split(), ["I", "a", "do", "."]], "tags": [[0] * 9, [0, 1, 2, 3]]}
    ),
    "qa": datasets.Dataset.from_dict(
        {
            "id": ["a"],
            "question": [TEXT],
            "context": [f"{TEXT}. {TEXT}."],
            "answers": [{"text": ["brown fox", "x"], "answer_start": [10, 63]}],
        }
    ),
    "retrieval": datasets.Dataset.from_dict({"id": ["a", "b"], "query": [TEXT] * 2, "candidate": [TEXT] * 2}),
    "ranking": datasets.Dataset.from_dict({"id": ["a", "b"], "query": [TEXT] * 2, "relevant": [["c"], ["d", "e"]]}),
    "mining": datasets.Dataset.from_dict({"id": ["a", "b"], "query": [TEXT] * 2, "relevant": [["c"], []]}),
    "masked_lm": datasets.Dataset.from_dict({"id": ["a", "b"], "text": [TEXT] * 2}),
    "robust_contrastive": datasets.Dataset.from_dict({"id": ["a", "b"], "text": [TEXT] * 2}),
    "multiple_choice": datasets.Dataset.from_dict(
        {"id": ["a", "b"], "text": [TEXT] * 2, "choices": [[TEXT, TEXT[4:]]] * 2, "label": [0, 1]}
    ),
    "cloze": datasets.Dataset.from_dict(
        {
            "id": ["a", "b"],
            "prompt": [f"{TEXT} <mask>."] * 2,
            "subject": [TEXT[10:30]] * 2,
            "choices": [[TEXT, TEXT[4:]]] * 2,
            "label": [0, 1],
        }
    ),
}
CHANGED = {
    ("classification", "text"): {"text"},
    ("classification", "text_pair"): {"text_pair"},
    ("classification", "both"): {"text", "text_pair"},
    ("tagging", "tokens"): {"tokens"},
    ("tagging", "tokens_protected"): {"tokens"},
    ("qa", "question"): {"question"},
    ("qa", "context"): {"context", "answers"},
    ("qa", "context_protected"): {"context", "answers"},
    ("retrieval", "query"): {"query"},
    ("ranking", "query"): {"query"},
    ("mining", "query"): {"query"},
    ("retrieval", "candidate"): {"candidate"},
    ("retrieval", "both"): {"query", "candidate"},
    ("masked_lm", "text"): {"text"},
    ("robust_contrastive", "text"): {"text"},
    ("multiple_choice", "text"): {"text"},
    ("multiple_choice", "choices"): {"choices"},
    ("multiple_choice", "both"): {"text", "choices"},
    ("cloze", "prompt"): {"prompt"},
    ("cloze", "subject"): {"prompt"},
    ("cloze", "template"): {"prompt"},
}


LABELS = ["O", "B-PER", "I-PER", "B-LOC"]
ENTITIES = datasets.Dataset.from_dict(
    {"id": ["a", "b"], "tokens": [TEXT.split() * 3] * 2, "tags": [[0, 0, 1, 2, 0, 0, 0, 3, 0] * 3] * 2}
)


def char() -> Perturber:
    return family_class("char")(checked_parameters("char", {}))


def run(dataset: datasets.Dataset, family: str, field: str, **chosen: Any) -> Perturbed:
    given: dict[str, Any] = {"perturber": char(), "level": 0.2, "seed": 0, "language": "en", "labels": LABELS} | chosen
    return perturb(dataset, family=family, field=field, dataset_name="d", split="test", **given)


def test_every_field_is_tested() -> None:
    assert set(CHANGED) == {(family, field) for family in tasks.names() for field in tasks.family(family).noise_fields}


@pytest.mark.parametrize(("family", "field"), CHANGED)
def test_only_the_field_changes(family: str, field: str) -> None:
    clean = ENTITIES if field == "tokens_protected" else DATA[family]
    result = run(clean, family, field)
    assert result.dataset.column_names == clean.column_names
    assert result.dataset.features == clean.features
    changed = {name for name in clean.column_names if clean[name] != result.dataset[name]}
    assert changed == CHANGED[family, field]
    assert result.achieved == pytest.approx(0.2, abs=0.06)
    assert 0 < result.word_change_rate <= 1
    assert result.changed == 1
    assert result.samples
    assert len(result.samples) <= 5
    for sample in result.samples:
        assert sample["clean"] != sample["noisy"]
        start, end, noisy_start, noisy_end, old, new = sample["edits"][0]
        assert sample["clean"][start:end] == old
        assert sample["noisy"][noisy_start:noisy_end] == new
    again = run(clean, family, field)
    assert again.dataset.to_dict() == result.dataset.to_dict()
    none = run(clean, family, field, level=0)
    assert none.dataset is clean
    assert (none.achieved, none.changed, none.word_change_rate, none.samples) == (0, 0, 0, [])
    assert none.capacity > 0


@pytest.mark.parametrize("name", ["char", "keyboard", "mix", "sequence", "ocr"])
def test_entities_stay_as_they_are(name: str) -> None:
    perturber = family_class(name)(checked_parameters(name, {}))
    noisy = run(ENTITIES, "tagging", "tokens_protected", perturber=perturber, level=0.5).dataset
    kept = [
        (clean == dirty, tag)
        for before, after, tags in zip(ENTITIES["tokens"], noisy["tokens"], ENTITIES["tags"], strict=True)
        for clean, dirty, tag in zip(before, after, tags, strict=True)
    ]
    assert all(same for same, tag in kept if tag) and not all(same for same, tag in kept if not tag)
    with pytest.raises(ConfigError, match="no entities to protect"):
        run(ENTITIES, "tagging", "tokens_protected", labels=["NOUN", "VERB", "ADP", "DET"])


def test_the_key_of_an_example() -> None:
    """uid is data set, language, split, id and column: equal texts get different noise in all of them."""
    seen: list[str] = []

    class Recorder(Family):
        def __call__(self, text: str, level: float, uid: str, **rest: Any) -> NoisedText:
            seen.append(uid)
            return super().__call__(text, level, uid, **rest)

    run(DATA["retrieval"], "retrieval", "both", perturber=Recorder(checked_parameters("char", {})))
    assert seen == [f"d|en|test|{row}|{column}" for row in "ab" for column in ("query", "candidate")]
    both = run(DATA["retrieval"], "retrieval", "both").dataset
    assert len({*both["query"], *both["candidate"]}) == 4
    assert both["query"] == run(DATA["retrieval"], "retrieval", "query").dataset["query"]
    assert both["query"] != run(DATA["retrieval"], "retrieval", "query", seed=1).dataset["query"]


def test_answers_move_with_the_noise() -> None:
    for field, level in (("context", 0.3), ("context", 1.0), ("context_protected", 0.3)):
        row = run(DATA["qa"], "qa", field, level=level).dataset[0]
        for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
            assert text
            assert row["context"][start : start + len(text)] == text
        assert (row["answers"]["text"] == ["brown fox", "x"]) == (field == "context_protected")


def test_an_answer_is_never_deleted() -> None:
    deleting = family_class("char")(checked_parameters("char", {"insert": 0, "swap": 0, "substitute": 0}))
    context = "abcdefghijklmnopqrstuvwxyz"
    rows = [
        {"id": str(i), "question": "?", "context": context, "answers": {"text": ["k"], "answer_start": [10]}}
        for i in range(60)
    ]
    result = run(datasets.Dataset.from_list(rows), "qa", "context", level=0.4, perturber=deleting)
    assert all(row["answers"]["text"] == ["k"] for row in result.dataset)


def test_words() -> None:
    assert words("two words", "de") == [(0, 3), (4, 9)]
    assert words("ที่ นี่", "th") == [(0, 3), (4, 7)]
    assert words("我 们", "zh") == [(0, 1), (2, 3)]


class _Edits(Family):
    """Noise with known edits."""

    edits: tuple[Edit, ...] = ()

    def __call__(self, text: str, *_: Any, **__: Any) -> NoisedText:
        return NoisedText(text + "!", self.edits, 0.1, 1.0)


@pytest.mark.parametrize(
    ("edits", "rate"),
    [
        ([(4, 5)], 1 / 9),  # in a word
        ([(4, 5), (6, 7)], 1 / 9),  # twice in one
        ([(2, 5)], 2 / 9),  # over a space
        ([(3, 3)], 1 / 9),  # inserted at the end of a word
        ([(4, 4)], 1 / 9),  # at its beginning
        ([(3, 4)], 0),  # the space itself
        ([(0, 43)], 1),
    ],
)
def test_word_change_rate(edits: Sequence[tuple[int, int]], rate: float) -> None:
    perturber = _Edits(checked_parameters("char", {}))
    perturber.edits = tuple(Edit(start, end, start, end, "", "") for start, end in edits)
    dataset = datasets.Dataset.from_dict({"id": ["a"], "text": [TEXT], "label": [0]})
    assert run(dataset, "classification", "text", perturber=perturber).word_change_rate == pytest.approx(rate)


def test_what_is_refused() -> None:
    single = DATA["classification"].remove_columns("text_pair")
    with pytest.raises(ConfigError, match="d has no column 'text_pair'"):
        run(single, "classification", "both")
    with pytest.raises(ConfigError, match="d has no column 'text_pair'"):
        run(single, "classification", "text_pair")
    with pytest.raises(ConfigError, match="did you mean 'question'"):
        run(DATA["qa"], "qa", "questions")
    with pytest.raises(ConfigError, match="did you mean 'tagging'"):
        run(DATA["tagging"], "taging", "tokens")
    with pytest.raises(ConfigError, match="not a number in"):
        run(DATA["qa"], "qa", "question", level=2)
    with pytest.raises(DataError, match="no examples"):
        run(DATA["qa"].select([]), "qa", "question")
    with pytest.raises(NotApplicable, match="has nothing to act on in d"):
        run(DATA["qa"], "qa", "question", language="he", perturber=_deaf())
    wrong = datasets.Dataset.from_list([DATA["qa"][0] | {"answers": {"text": ["cat"], "answer_start": [3]}}])
    with pytest.raises(DataError, match="example a: the answer 'cat' is not at character 3"):
        run(wrong, "qa", "context")


def test_noise_that_changes_nothing_is_no_robustness() -> None:
    idle = _Edits(checked_parameters("char", {}))  # names all of the text as what it can act on, and does nothing
    rows = [{"id": str(row), "text": TEXT, "label": 0} for row in range(12)]
    with pytest.raises(NotApplicable, match=r"changed nothing in d \(en, text\) at level 0.2, although .* 100.0%"):
        run(datasets.Dataset.from_list(rows), "classification", "text", perturber=idle)
    assert run(datasets.Dataset.from_list(rows[:2]), "classification", "text", perturber=idle).changed == 0.0


def _deaf() -> Perturber:
    class Nothing(Table):
        def classify(self, grapheme: str) -> int:  # noqa: ARG002
            return 0

    class Deaf(Family):
        def table(self, language: str) -> Any:  # noqa: ARG002
            return Nothing()

    return Deaf(checked_parameters("char", {}))


def test_families_that_change_the_number_of_tokens_are_refused_for_tagging() -> None:
    perturber = char()
    perturber.keeps_tokens = False
    with pytest.raises(NotApplicable, match="number of tokens"):
        run(DATA["tagging"], "tagging", "tokens", perturber=perturber)

    class Dropping(Family):
        def tokens(self, tokens: Sequence[str], level: float, uid: str, **rest: Any) -> NoisedTokens:
            return super().tokens(tokens, level, uid, **rest)._replace(tokens=list(tokens)[:-1])

    with pytest.raises(DataError, match="changed the number of tokens"):
        run(DATA["tagging"], "tagging", "tokens", perturber=Dropping(checked_parameters("char", {})))
