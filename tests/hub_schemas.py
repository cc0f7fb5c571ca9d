"""A few made-up rows of every data set of the hub that tasks read, in its real files, columns and types.

The columns are those of the data sets' cards and loaders (docs/xtreme_r.md says which could be read). Lists of answers
and class numbers are written as the parquet files of the hub have them: with the features in the schema's metadata.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hub_server import Repo

ROWS = 4
NLI = ("entailment", "neutral", "contradiction")
NER = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
TOPICS = ("science/technology", "travel", "politics", "sports")
SPLIT_FILE = "{config}/{split}-00000-of-00001.parquet"
CONVERTED_FILE = "{config}/{split}/0000.parquet"

Kind = str | tuple[Any, ...]  # string, int32, bool, ("class", names), ("list", kind), ("answers",)


def _arrow(kind: Kind) -> pa.DataType:
    if kind == ("answers",):
        return pa.struct({"text": pa.list_(pa.string()), "answer_start": pa.list_(pa.int32())})
    if kind[0] == "list":
        return pa.list_(_arrow(kind[1]))
    return pa.int64() if kind[0] == "class" else getattr(pa, {"bool": "bool_"}.get(str(kind), str(kind)))()


def _feature(kind: Kind) -> dict[str, Any]:
    if kind == ("answers",):
        return {"feature": {"text": _feature("string"), "answer_start": _feature("int32")}, "_type": "Sequence"}
    if kind[0] == "list":
        return {"feature": _feature(kind[1]), "_type": "Sequence"}
    if kind[0] == "class":
        return {"names": list(kind[1]), "_type": "ClassLabel"}
    return {"dtype": kind, "_type": "Value"}


def parquet(columns: Mapping[str, Kind], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A file as `datasets` writes it: ROWS of these columns, and what they are."""
    info = {"info": {"features": {name: _feature(kind) for name, kind in columns.items()}}}
    schema = pa.schema({name: _arrow(kind) for name, kind in columns.items()})
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), buffer)
    return buffer.getvalue()


def card(files: Mapping[str, Mapping[str, str]]) -> bytes:
    """A card that says which file is which split of which configuration."""
    lines = ["---", "configs:"]
    for config, splits in files.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        for split, path in splits.items():
            lines += [f"  - split: {split}", f"    path: {path}"]
    return "\n".join([*lines, "---", "# A card", ""]).encode()


def _answers(n: int) -> dict[str, Any]:
    return {"text": ["answer"], "answer_start": [len(f"The {n}. ")]}


def _qa(title: bool) -> tuple[dict[str, Kind], Callable[[int], dict[str, Any]]]:
    columns: dict[str, Kind] = {"id": "string", "context": "string", "question": "string", "answers": ("answers",)}
    if title:
        columns["title"] = "string"
    return columns, lambda n: {
        "id": f"q{n}", "title": "A title", "context": f"The {n}. answer is here.", "question": f"Which {n}?",
        "answers": _answers(n),
    }  # fmt: skip


# name -> (columns, row number -> row)
TABLES: dict[str, tuple[dict[str, Kind], Callable[[int], dict[str, Any]]]] = {
    "facebook/xnli": (
        {"premise": "string", "hypothesis": "string", "label": ("class", NLI)},
        lambda n: {"premise": f"premise {n}", "hypothesis": f"hypothesis {n}", "label": n % 3},
    ),
    "nyu-mll/glue": (
        {"premise": "string", "hypothesis": "string", "label": ("class", NLI), "idx": "int32"},
        lambda n: {"premise": f"a {n}", "hypothesis": f"b {n}", "label": n % 3, "idx": n},
    ),
    "google-research-datasets/paws-x": (
        {"id": "int32", "sentence1": "string", "sentence2": "string", "label": ("class", ("0", "1"))},
        lambda n: {"id": n + 1, "sentence1": f"one {n}", "sentence2": f"two {n}", "label": n % 2},
    ),
    "cambridgeltl/xcopa": (
        {"premise": "string", "choice1": "string", "choice2": "string", "question": "string", "label": "int32",
         "idx": "int32", "changed": "bool"},
        lambda n: {"premise": f"p {n}", "choice1": f"c {n}", "choice2": f"d {n}", "label": n % 2, "idx": n,
                   "question": ("cause", "effect")[n % 2], "changed": False},
    ),
    "aps/super_glue": (
        {"premise": "string", "choice1": "string", "choice2": "string", "question": "string", "idx": "int32",
         "label": ("class", ("choice1", "choice2"))},
        lambda n: {"premise": f"p {n}", "choice1": f"c {n}", "choice2": f"d {n}", "label": n % 2, "idx": n,
                   "question": ("cause", "effect")[n % 2]},
    ),
    "allenai/social_i_qa": (
        dict.fromkeys(("context", "question", "answerA", "answerB", "answerC", "label"), "string"),
        lambda n: {"context": f"c {n}", "question": f"q {n}", "answerA": "a", "answerB": "b", "answerC": "c",
                   "label": f"{n % 3 + 1}\n"},  # its loader keeps the line's end
    ),
    "izhx/xtreme-r-udpos": (
        {"tokens": ("list", "string"), "pos_tags": ("list", "string")},
        lambda n: {"tokens": ["A", f"word{n}"], "pos_tags": ["DET", ("NOUN", "VERB")[n % 2]]},
    ),
    "unimelb-nlp/wikiann": (
        {"tokens": ("list", "string"), "ner_tags": ("list", ("class", NER)), "langs": ("list", "string"),
         "spans": ("list", "string")},
        lambda n: {"tokens": ["In", f"Place{n}"], "ner_tags": [0, 5], "langs": ["de"] * 2,
                   "spans": [f"LOC: Place{n}"]},
    ),
    "rajpurkar/squad": _qa(title=True),
    "google/xtreme": _qa(title=True),
    "google/xquad": _qa(title=False),
    "juletxara/tydiqa_xtreme": _qa(title=False),
    "google-research-datasets/xquad_r": _qa(title=False),
    "mteb/tatoeba-bitext-mining": (
        {"sentence1": "string", "sentence2": "string", "lang": "string"},
        lambda n: {"sentence1": f"Satz {n}", "sentence2": f"sentence {n}", "lang": "deu-eng"},
    ),
    "mteb/BUCC": (
        {"sentence1": ("list", "string"), "sentence2": ("list", "string"), "gold": ("list", ("list", "int32"))},
        lambda n: {"sentence1": [f"Satz {n}", f"noch {n}"], "sentence2": [f"other {n}", f"sentence {n}"],
                   "gold": [[1, 2]]},
    ),
    "izhx/mewsli-x": (
        {"mention": "string", "entity_id": "string"},
        lambda n: {"mention": f"a{n}: the {{ a{n} }} here", "entity_id": f"Q{n}"},
    ),
    "JRQi/BMLAMA17": (
        dict.fromkeys(("Prompt", "Ans", "Candidate Ans", "Subject"), "string"),
        lambda n: {"Prompt": f"Person {n} was born in <mask>.", "Ans": "Rome", "Candidate Ans": "Oslo, New York, Rome",
                   "Subject": f"Person {n}"},
    ),
    "mteb/sib200": (
        {"index_id": "int64", "category": "string", "text": "string"},
        lambda n: {"index_id": 100 + n, "category": TOPICS[n % 4], "text": f"text {n}"},
    ),
}  # fmt: skip
# Configurations with other columns than their data set's.
OTHERS: dict[tuple[str, str], tuple[dict[str, Kind], Callable[[int], dict[str, Any]]]] = {
    ("izhx/mewsli-x", "wikipedia_pairs"): (
        {"mention": "string", "entity": "string"},
        lambda n: {"mention": f"a{n}: the {{ a{n} }} here", "entity": f"description {n}"},
    ),
    ("izhx/mewsli-x", "candidate_entities"): (
        {"entity_id": "string", "description": "string"},
        lambda n: {"entity_id": f"Q{n}", "description": f"description {n}"},
    ),
}  # fmt: skip
# Where a file is, where that is not SPLIT_FILE.
PLACES = {
    "mteb/sib200": "{split}/{config}.parquet",
    "izhx/xtreme-r-udpos": "{config}/{split}.parquet",
    "izhx/mewsli-x": "wikinews_mentions/{config}/{split}.jsonl",
}
OFFSETS = {"train": 1000, "validation": 2000, "test": 0}  # no row is in two splits


Part = tuple[str | None, str]  # configuration and split


def table(name: str, config: str | None) -> tuple[dict[str, Kind], Callable[[int], dict[str, Any]]]:
    """The columns of a configuration, and its row of a number."""
    return OTHERS.get((name, (config or "").split(".")[0])) or TABLES[name]


def rows(name: str, config: str | None, split: str) -> list[dict[str, Any]]:
    """The rows of a split."""
    return [table(name, config)[1](OFFSETS[split] + n) for n in range(ROWS)]


def repository(name: str, parts: Sequence[Part], converted: Sequence[Part] = ()) -> Repo:
    """The data set with these splits on its main branch, which a card lists, and those on refs/convert/parquet."""
    files: dict[str, bytes] = {}
    where: dict[str, dict[str, str]] = {}
    for config, split in parts:
        path = PLACES.get(name, SPLIT_FILE).format(config=config or "default", split=split)
        files[path] = _content(name, config, split, path)
        where.setdefault(config or "default", {})[split] = path
    branch: dict[str, bytes] = {}
    for config, split in converted:
        for folder in (f"translate_{split}", split):  # beside each split, one of translations that is called like it
            path = CONVERTED_FILE.format(config=config or "default", split=folder)
            branch[path] = _content(name, config, split, path)
    head = {"README.md": card(where)} if where else {"README.md": b"# A card", "loader.py": b"raise SystemExit"}
    return Repo("dataset", name, files | head, branch)


def _content(name: str, config: str | None, split: str, path: str) -> bytes:
    found = rows(name, config, split)
    if path.endswith(".jsonl"):
        return "".join(json.dumps(row) + "\n" for row in found).encode()
    return parquet(table(name, config)[0], found)
