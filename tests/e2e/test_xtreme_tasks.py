"""Tasks of XTREME and XTREME-R on small files with the tiny model: from command to scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import cells, choices, qa, sentence, words, write
from xtreme_noise import cli

TOPICS = ("travel", "health", "sports")
NAMES = ("O", "B-PER", "I-PER")


def topics(root: Path) -> None:
    for part, count in (("train", 30), ("validation", 6), ("test", 8)):
        for language, name in (("en", "eng_Latn"), ("de", "deu_Latn")):
            rows = [
                {"index_id": n, "category": TOPICS[n % 3], "text": sentence(language, n + len(part) * 100)}
                for n in range(count)
            ]
            write(root / f"sib200/{part}.{name}.jsonl.gz", rows)


def names(root: Path) -> None:
    for part, count in (("train", 30), ("dev", 6), ("test", 8)):
        for language in ("en", "de"):
            rows = []
            for n in range(count):
                tokens = sentence(language, n + len(part) * 100).split()
                rows.append({"tokens": tokens, "ner_tags": [NAMES[len(token) % 3] for token in tokens]})
            write(root / f"wikiann/{part}.{language}.jsonl.gz", rows)


def questions(root: Path) -> None:
    write(root / "squad/train.en.jsonl.gz", qa("en", 20, 400))
    write(root / "tydiqa_goldp/heldout.en.jsonl.gz", qa("en", 6, 500))
    for language in ("en", "de"):
        write(root / f"mlqa/dev.{language}.jsonl.gz", qa(language, 8))


@pytest.mark.parametrize(
    ("task", "files", "languages"),
    [
        ("sib200", topics, ["en", "de"]),
        ("wikiann", names, ["en", "de"]),
        ("mlqa", questions, ["en", "de"]),
        ("xcopa", choices, ["et", "th", "zh"]),
    ],
)
@pytest.mark.usefixtures("workdir")
def test_task(task: str, files: Any, languages: list[str], tmp_path: Path) -> None:
    files(tmp_path)
    job = words(tmp_path, f"task={task}", f"languages=[{','.join(languages)}]")
    assert cli.main([*job, "noise.level=0.1", "sweep=s"]) == 0
    found = cells(Path("s"))
    assert {(row["language"], row["noise"]) for row in found} == {(c, n) for c in languages for n in ("clean", "char")}
    assert all(row["status"] == "ok" and row["n"] == 8 and row["task"] == task for row in found)
    assert all(0 < row["achieved"] < 0.2 for row in found if row["noise"] == "char")
    inputs = {"xcopa": 16}.get(task, 8)
    assert all(row["windows"] == inputs for row in found)
