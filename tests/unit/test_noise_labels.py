"""Labels stay true under every family, on real data in every language there is."""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.contract import check_tokens
from tests.golden.digests import FAMILIES, perturber
from tests.real import lines, spread
from xtreme_noise.errors import NotApplicable
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.apply import perturb
from xtreme_noise.noise.edits import carry
from xtreme_noise.noise.perturber import Perturber
from xtreme_noise.noise.registry import checked_parameters, family_class
from xtreme_noise.noise.text import distance, graphemes

pytestmark = pytest.mark.data
TAGGED = ("udpos_xtreme", "udpos_ud", "udpos_pud", "wikiann", "wikiann_noisy", "masakhaner2", "uner_ewt", "uner_pud")
NER = TAGGED[3:]
NEED_TABLES = ("natural", "codeswitch")
QA = ["ar", "de", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]
made = cache(perturber)


def tabled(family: str, words: set[str], folder: Path) -> Perturber:
    """A family that needs a table, with one of these words."""
    path = folder / f"{family}.tsv"
    kept = sorted(word for word in words if len(graphemes(word)) > 1 and word.split() == [word] and word[0] != "#")
    path.write_text("".join(f"{word}\t{word}{graphemes(word)[-1]}\n" for word in kept), encoding="utf-8")
    return family_class(family)(checked_parameters(family, {"path": str(path)}))


def every(code: str, words: set[str], folder: Path) -> list[Perturber]:
    """Every family that can act in a language."""
    found = [tabled(name, words, folder) if name in NEED_TABLES else made(name) for name in FAMILIES]
    return [noise for noise in found if noise.supports(code)]


def tagged(folder: Path, names: tuple[str, ...], code: str, count: int) -> list[dict[str, Any]]:
    """Some sentences of every tagged data set that has the language."""
    paths = [folder / name / f"test.{code}.jsonl.gz" for name in names]
    return [row for path in paths if path.is_file() for row in spread(path, count)]


@pytest.mark.parametrize("code", LANGUAGES)
def test_tokens_are_kept_by_every_family(shared_data: Path, tmp_path: Path, code: str) -> None:
    found = tagged(shared_data, TAGGED, code, 3)
    if not found:
        pytest.skip(f"no tagged data in {code}")
    acted = set()
    for noise in every(code, {token for row in found for token in row["tokens"]}, tmp_path):
        if not noise.keeps_tokens:
            with pytest.raises(NotApplicable, match="number of tokens"):
                noise.tokens(found[0]["tokens"], 0.1, "x", language=code)
            continue
        for number, row in enumerate(found):
            level = (0.1, 0.4, 1.0)[number % 3]
            check_tokens(noise, row["tokens"], level, str(number), code)
            if noise.tokens(row["tokens"], 1.0, str(number), language=code).tokens != row["tokens"]:
                acted.add(noise.family)
    assert {"char", "natural", "realistic", "ocr"} <= acted


@pytest.mark.parametrize("code", ["de", "en", "es", "fr", "hi", "nl", "pl", "pt", "ru", "sv", "sw", "tr", "yo", "zh"])
def test_entities_can_be_protected(shared_data: Path, tmp_path: Path, code: str) -> None:
    found = [row for row in tagged(shared_data, NER, code, 6) if {*row["ner_tags"]} != {"O"}]
    assert found
    changed = False
    for noise in every(code, {token for row in found for token in row["tokens"]}, tmp_path):
        for row in found:
            text = " ".join(row["tokens"])
            starts = [0, *accumulate(len(token) + 1 for token in row["tokens"])]
            spans = [
                (start, start + len(token))
                for start, token, tag in zip(starts, row["tokens"], row["ner_tags"], strict=False)
                if tag != "O"
            ]
            noised = noise(text, 0.5, row["id"], language=code, protect=spans)
            changed |= noised.text != text
            for start, end in spans:
                first, last = carry((start, end), noised.edits)
                assert noised.text[first:last] == text[start:end], f"{noise.family}: {text!r} -> {noised.text!r}"
                assert not any(edit.start < end and edit.end > start for edit in noised.edits)
    assert changed


def contexts(folder: Path, code: str, count: int) -> datasets.Dataset:
    """XQuAD questions of as many different short contexts."""
    rows: dict[str, dict[str, Any]] = {}
    for row in lines(folder / "xquad" / f"test.{code}.jsonl.gz"):
        if len(row["context"]) < 450 and len(rows) < count:
            rows.setdefault(row["context"], {name: row[name] for name in ("id", "question", "context", "answers")})
    return datasets.Dataset.from_list(list(rows.values()))


@pytest.mark.parametrize("code", QA)
def test_answers_under_every_family(shared_data: Path, tmp_path: Path, code: str) -> None:
    dataset = contexts(shared_data, code, 2)
    acted = 0
    for noise in every(code, {word for text in dataset["context"] for word in text.split()}, tmp_path):
        for field in ("context", "context_protected"):
            given: dict[str, Any] = {"perturber": noise, "level": 0.2, "seed": 0, "language": code}
            try:
                result = perturb(dataset, family="qa", field=field, dataset_name="x", split="test", **given)
            except NotApplicable:  # no capital, no letter with a mark ... in these texts
                continue
            edits = {sample["id"]: sample["edits"] for sample in result.samples}
            assert len(edits) == round(result.changed * len(dataset))
            for clean, noisy in zip(dataset, result.dataset, strict=True):
                check_answers(clean, noisy, edits.get(clean["id"], []), field, noise.family)
            acted += result.changed > 0
    assert acted >= 12


def check_answers(
    clean: dict[str, Any], noisy: dict[str, Any], edits: list[list[Any]], field: str, family: str
) -> None:
    """The answer is read again where it is said to be; and what stands before, in and after it comes from what stood
    before, in and after it: otherwise these three would be further from the clean ones than all edits together. An edit
    over a border of the answer is in the answer as a whole, so that what it covers outside counts twice.
    """
    what = f"{family} {field} {clean['answers']} -> {noisy['answers']}"
    assert clean["question"] == noisy["question"], what
    spent = sum(max(len(graphemes(old)), len(graphemes(new))) for *_, old, new in edits)
    rows = [
        row for answers in (clean, noisy) for row in (answers["answers"]["text"], answers["answers"]["answer_start"])
    ]
    for old, start, new, moved in zip(*rows, strict=True):
        assert new, what
        assert noisy["context"][moved : moved + len(new)] == new, what
        parts = zip(_around(clean["context"], start, old), _around(noisy["context"], moved, new), strict=True)
        borders = (start, start + len(old))
        over = [len(graphemes(text)) for first, last, *_, text, _ in edits if any(first < at < last for at in borders)]
        assert sum(distance(graphemes(one), graphemes(other)) for one, other in parts) <= spent + sum(over), what
        if field == "context_protected":
            assert new == old, what


def _around(text: str, start: int, answer: str) -> tuple[str, str, str]:
    return text[:start], answer, text[start + len(answer) :]


@pytest.mark.parametrize(
    ("task", "sides"), [("classification", ("text", "text_pair")), ("retrieval", ("query", "candidate"))]
)
def test_the_side_is_chosen_by_the_field(shared_data: Path, task: str, sides: tuple[str, str]) -> None:
    if task == "classification":
        pairs = [(row["premise"], row["hypothesis"]) for row in spread(shared_data / "xnli" / "test.sw.jsonl.gz", 20)]
    else:
        path = shared_data / "tatoeba" / "test.sw-en.jsonl.gz"
        pairs = [(row["source_sentence"], row["target_sentence"]) for row in spread(path, 20)]
    columns = dict(zip(sides, map(list, zip(*pairs, strict=True)), strict=True))
    dataset = datasets.Dataset.from_dict(
        {"id": [str(i) for i in range(len(pairs))], **columns, "label": [0] * len(pairs)}
    )
    for field, chosen in ((sides[0], sides[:1]), (sides[1], sides[1:]), ("both", sides)):
        for name in ("char", "keyboard", "space", "word"):
            result = perturb(
                dataset, family=task, field=field, perturber=made(name), level=0.2, seed=0, language="sw",
                dataset_name="x", split="test",
            )  # fmt: skip
            changed = {column for column in dataset.column_names if dataset[column] != result.dataset[column]}
            assert changed == {*chosen}
            assert {sample["field"] for sample in result.samples} <= {*chosen}
