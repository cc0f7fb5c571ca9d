"""A small world to run whole commands in: four tasks' files in the real layout, with the tiny random model."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from xtreme_noise import cli
from xtreme_noise.config import compose
from xtreme_noise.config.schema import Config

WORDS = {
    "en": "the cat sat on a mat and saw some birds in old trees near water".split(),
    "de": "die Katze saß auf der Matte und sah einige Vögel in alten Bäumen".split(),
    "zh": list("猫坐在垫子上看见一些鸟在水边的老树里"),
}
# Everything that makes a tiny job quick.
QUICK = ["model=tiny", "task.size.train=24", "task.size.dev=8", "task.recipe.epochs=1", "trainer.progress=false"]


def sentence(language: str, number: int, length: int = 6) -> str:
    words = WORDS.get(language, WORDS["en"])
    joined = "" if language == "zh" else " "
    return joined.join(words[(number * 7 + at * (number % 5 + 1)) % len(words)] for at in range(length)) + f" {number}"


def write(path: Path, rows: Sequence[dict[str, Any] | str]) -> Path:
    """A file of rows, or of lines as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        for row in rows:
            stream.write((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n")
    return path


def nli(language: str, count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"premise": sentence(language, n), "hypothesis": sentence(language, n + 1, 4), "label": n % 3}
        for n in range(start, start + count)
    ]


def pos(language: str, count: int, start: int = 0) -> list[dict[str, Any]]:
    rows = []
    for n in range(start, start + count):
        tokens = sentence("en" if language == "en" else language, n).split()
        rows.append({"tokens": tokens, "upos": [("NOUN", "VERB", "X")[len(t) % 3] for t in tokens]})
    return rows


def qa(language: str, count: int, start: int = 0) -> list[dict[str, Any]]:
    rows = []
    for n in range(start, start + count):
        context = sentence(language, n, 12)
        answer = context[4:9].strip() or context[:3]
        rows.append(
            {
                "id": f"q{n}",
                "question": f"what {n}?",
                "context": context,
                "answers": {"text": [answer], "answer_start": [context.index(answer)]},
            }
        )
    return rows


def copa(language: str, count: int, start: int = 0) -> list[dict[str, Any]]:
    """COPA's and XCOPA's rows; in Thai with the wrong question that XCOPA has."""
    return [
        {
            "idx": n - start,
            "premise": sentence(language, n),
            "choice1": sentence(language, n + 1, 4),
            "choice2": sentence(language, n + 2, 5),
            "question": "effect" if language == "th" else ("cause", "effect")[n % 2],
            "label": n % 3 % 2,
        }
        for n in range(start, start + count)
    ]


def social_iqa(count: int) -> list[dict[str, Any]]:
    return [
        {
            "context": sentence("en", n),
            "question": f"What will {n} do next?",
            **{f"answer{name}": sentence("en", n + at, 3) for at, name in enumerate("ABC")},
            "label": str(n % 3 + 1),
        }
        for n in range(3000, 3000 + count)
    ]


def choices(root: Path, languages: Sequence[str] = ("et", "th", "zh")) -> None:
    """Files of xcopa."""
    write(root / "social_i_qa/validation.en.jsonl.gz", social_iqa(30))
    for part, count, start in (("train", 24, 4000), ("validation", 6, 5000), ("test", 8, 0)):
        write(root / f"copa/{part}.en.jsonl.gz", copa("en", count, start))
    for language in languages:
        write(root / f"xcopa/test.{language}.jsonl.gz", copa(language, 8))


def data(root: Path) -> Path:
    """Files of xnli, udpos, xquad and tatoeba in en and de."""
    write(root / "lingnli/train.en.jsonl.gz", nli("en", 60, 1000))
    write(root / "lingnli/validation.en.jsonl.gz", nli("en", 12, 2000))
    write(root / "ocnli/train.zh.jsonl.gz", [
        {"sentence1": r["premise"], "sentence2": r["hypothesis"], "label": r["label"]} for r in nli("zh", 40, 500)
    ])  # fmt: skip
    for language in ("en", "de"):
        write(root / f"xnli/test.{language}.jsonl.gz", nli(language, 20))
        write(root / f"xnli/validation.{language}.jsonl.gz", nli(language, 8, 300))
        write(root / f"udpos_xtreme/test.{language}.jsonl.gz", pos(language, 10))
        write(root / f"xquad/test.{language}.jsonl.gz", qa(language, 8))
    write(root / "udpos_xtreme/train.en.jsonl.gz", pos("en", 30, 100))
    write(root / "udpos_xtreme/dev.en.jsonl.gz", pos("en", 6, 200))
    write(root / "squad/train.en.jsonl.gz", qa("en", 20, 400))
    write(root / "tydiqa_goldp/heldout.en.jsonl.gz", qa("en", 6, 500))
    write(
        root / "tatoeba/test.de-en.jsonl.gz",
        [
            {"source_sentence": sentence("de", n), "target_sentence": sentence("en", n)} for n in range(15)
        ],
    )  # fmt: skip
    return root


def words(root: Path, *overrides: str) -> list[str]:
    """A quick command on the files in root; what comes later wins."""
    return [*QUICK, "source=files", f"source.root={root}", *overrides]


def job(root: Path, *overrides: str) -> Config:
    """Its one job, composed and checked."""
    [found] = compose.jobs(words(root, *overrides))
    return found


def main(root: Path, *overrides: str, code: int = 0) -> None:
    """The command in this process, which has to end with this code."""
    assert cli.main(words(root, *overrides)) == code


def cells(sweep: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(sweep / "cells.parquet").to_pylist()
    return rows
