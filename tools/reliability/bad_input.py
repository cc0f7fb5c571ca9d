"""Bad data files and bad commands: each gets a clear message, and finished work is kept."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.e2e import world
from tools.reliability.commands import COMMANDS
from tools.reliability.world import Outcome, command

PAIR: dict[str, Any] = {"premise": "a b c", "hypothesis": "c d e", "label": 0}
POS: dict[str, Any] = {"tokens": ["a", "b"], "upos": ["NOUN", "VERB"]}
ANSWERS: dict[str, Any] = {"text": ["def"], "answer_start": [4]}
QA: dict[str, Any] = {"id": "q", "question": "who?", "context": "abc def", "answers": ANSWERS}
PLACES = {"xnli": "xnli/test.de.jsonl", "udpos": "udpos_xtreme/test.de.jsonl", "xquad": "xquad/test.de.jsonl"}
BIG = "1" + "0" * 400


def lines(*rows: Any) -> bytes:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()


def answers(**changed: Any) -> bytes:
    return lines(QA | {"answers": ANSWERS | changed})


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("rows.jsonl", lines(PAIR))
    return buffer.getvalue()


# The content of a task's German test set; a str names something other than a regular file.
FILES: dict[str, dict[str, bytes | str]] = {
    "xnli": {
        "empty": b"",
        "blank lines": b"\n\n\n",
        "not JSON": b"hello\n",
        "an array a line": lines([1, 2]),
        "a number a line": lines(7),
        "null": lines(None),
        "one array of rows": json.dumps([PAIR, PAIR]).encode(),
        "pretty-printed": json.dumps(PAIR, indent=1).encode(),
        "a key twice": lines('{"premise": "a", "hypothesis": "b", "label": 0, "label": 2}'),
        "nested too deep": lines('{"premise":' + "[" * 100_000 + "]" * 100_000 + "}"),
        "byte order mark": b"\xef\xbb\xbf" + lines(PAIR),
        "UTF-16": lines(PAIR).decode().encode("utf-16"),
        "Latin-1": '{"premise": "é", "hypothesis": "b", "label": 0}\n'.encode("latin-1"),
        "half a surrogate pair": lines('{"premise": "\\ud800", "hypothesis": "b", "label": 0}'),
        "NUL bytes": b"\0" * 64,
        "a trailing comma": lines('{"premise": "a", "hypothesis": "b", "label": 0,}'),
        "single quotes": lines("{'premise': 'a', 'hypothesis': 'b', 'label': 0}"),
        "a comment": lines("# rows", PAIR),
        "cut in a line": lines(PAIR, PAIR)[:-20],
        "gzip without its name": gzip.compress(lines(PAIR)),
        "a zip": _zip(),
        "parquet": b"PAR1" + b"\x15\x00" * 20 + b"PAR1",
        "CSV": b"premise,hypothesis,label\na,b,0\n",
        "HTML": b"<!doctype html><title>404</title>\n",
        "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "a column is missing": lines({"premise": "a", "label": 0}),
        "a text is null": lines(PAIR | {"premise": None}),
        "a text is empty": lines(PAIR | {"premise": ""}),
        "a text is spaces": lines(PAIR | {"premise": " \t"}),
        "a text is invisible": lines(PAIR | {"premise": "\u200b\u200e"}),
        "a text is a number": lines(PAIR | {"premise": 5}),
        "a text is a list": lines(PAIR | {"premise": ["a"]}),
        "a text is true": lines(PAIR | {"premise": True}),
        "no label": lines({"premise": "a", "hypothesis": "b"}),
        "a label is null": lines(PAIR | {"label": None}),
        "a label is too large": lines(PAIR | {"label": 3}),
        "a label is negative": lines(PAIR | {"label": -1}),
        "a label is a fraction": lines(PAIR | {"label": 1.5}),
        "a label is true": lines(PAIR | {"label": True}),
        "a label is unknown": lines(PAIR | {"label": "perhaps"}),
        "a label is NaN": lines('{"premise": "a", "hypothesis": "b", "label": NaN}'),
        "a label is infinite": lines('{"premise": "a", "hypothesis": "b", "label": 1e999}'),
        "a label of 400 digits": lines(f'{{"premise": "a", "hypothesis": "b", "label": {BIG}}}'),
        "a label of 5,000 digits": lines(f'{{"premise": "a", "hypothesis": "b", "label": {"9" * 5000}}}'),
        "a label is a list": lines(PAIR | {"label": [0]}),
        "an id twice": lines(PAIR | {"id": "a"}, PAIR | {"id": "a"}),
        "an id is null": lines(PAIR | {"id": None}),
        "an id is a mapping": lines(PAIR | {"id": {}}),
        "an id of 400 digits": lines(f'{{"id": {BIG}, "premise": "a", "hypothesis": "b", "label": 0}}'),
        "a folder": "folder",
        "a link to nowhere": "dangling",
        "a link to itself": "loop",
        "a pipe": "pipe",
        "two files of one name": "both",
        "gzip: cut": gzip.compress(lines(*[PAIR] * 50))[:-9],
        "gzip: other bytes behind it": gzip.compress(lines(PAIR)) + b"behind",
        "gzip: a flipped byte": "flipped",
    },
    "udpos": {
        "fewer tags than tokens": lines(POS | {"upos": ["NOUN"]}),
        "no tokens": lines(POS | {"tokens": [], "upos": []}),
        "an empty token": lines(POS | {"tokens": ["a", ""]}),
        "a token is spaces": lines(POS | {"tokens": ["a", " "]}),
        "an unknown tag": lines(POS | {"upos": ["NOUN", "QUX"]}),
        "a tag is null": lines(POS | {"upos": ["NOUN", None]}),
        "a tag is out of range": lines(POS | {"upos": [0, 99]}),
        "tokens are a text": lines(POS | {"tokens": "a b"}),
        "a token is null": lines(POS | {"tokens": ["a", None]}),
        "tokens in lists": lines(POS | {"tokens": [["a"], ["b"]]}),
    },
    "xquad": {
        "an answer is not in the context": answers(text=["xyz"]),
        "an answer begins before the context": answers(answer_start=[-1]),
        "an answer begins behind the context": answers(answer_start=[900]),
        "an answer's begin has 400 digits": lines(json.dumps(QA).replace("[4]", f"[{BIG}]")),
        "an answer's begin is a fraction": answers(answer_start=[4.5]),
        "an answer's begin is true": answers(text=["bc d"], answer_start=[True]),
        "an answer's begin is text": answers(answer_start=["4"]),
        "an answer is empty": answers(text=[""]),
        "an answer is null": answers(text=[None]),
        "more answers than begins": answers(text=["def", "abc"]),
        "no answers": lines({key: value for key, value in QA.items() if key != "answers"}),
        "answers are a list": lines(QA | {"answers": [ANSWERS]}),
        "an empty context": lines(QA | {"context": ""}),
        "no question": lines(QA | {"question": None}),
    },
}


def _put(path: Path, content: bytes | str) -> None:
    path.unlink(missing_ok=True)
    packed = path.with_name(path.name + ".gz")
    kept = packed.read_bytes()
    packed.unlink()
    special: dict[str, Callable[[], object]] = {
        "folder": path.mkdir,
        "dangling": lambda: path.symlink_to("nowhere"),
        "loop": lambda: path.symlink_to(path.name),
        "pipe": lambda: os.mkfifo(path),
        "both": lambda: (path.write_bytes(lines(PAIR)), packed.write_bytes(kept)),
        "flipped": lambda: packed.write_bytes(kept[:40] + bytes([kept[40] ^ 0xFF]) + kept[41:]),
    }
    if isinstance(content, str):
        special[content]()
    elif content[:2] == b"\x1f\x8b" and content != gzip.compress(lines(PAIR)):
        packed.write_bytes(content)
    else:
        path.write_bytes(content)


def data(folder: Path) -> list[str]:
    """Each file as the German test set, with a good English one: the message names the file, without traceback or hang,
    and English is finished.
    """
    count = answered = read = 0
    for task, kinds in FILES.items():
        for name, content in kinds.items():
            root = world.data(folder / "data")
            _put(root / PLACES[task], content)
            outcome = _study(task, folder)
            count += 1
            verdict = _verdict(outcome, folder / "s", Path(PLACES[task]).name)
            answered += verdict == "answered"
            read += verdict == "read"
            if verdict not in ("answered", "read"):
                print(f"data: {task}: {name}: {verdict}: exit {outcome.code}: {outcome.said[-1500:]}")
            for made in ("data", "s"):
                shutil.rmtree(folder / made, ignore_errors=True)
    return [
        f"| bad data files | {count} kinds | {answered} reported with the file's name while the other language was "
        f"finished, {read} were readable, {count - answered - read} failed otherwise |"
    ]


def _study(task: str, folder: Path) -> Outcome:
    return command(
        [f"task={task}", *world.QUICK, "task.size.test=6", "languages=[en,de]", "noise.levels=[0]", "source=files",
         f"source.root={folder / 'data'}", f"store={folder / 'store'}", f"sweep={folder / 's'}"], folder,
    )  # fmt: skip


def _verdict(outcome: Outcome, sweep: Path, name: str) -> str:
    if outcome.code is None:
        return "hangs"
    if outcome.traceback or outcome.code not in (0, 1, 2):
        return "traceback"
    if not (sweep / "cells.parquet").is_file():
        return "answered" if name in outcome.said else "does not name the file"
    states = {row["language"]: row["status"] for row in pq.read_table(sweep / "cells.parquet").to_pylist()}
    if states.get("en") != "ok":
        return "the other language is lost"
    if states["de"] == "ok":
        return "read" if outcome.code == 0 else "exit code"
    gap = states["de"] == "missing" and outcome.code == 0
    errors = pq.read_table(sweep / "cells.parquet")["error"].to_pylist()
    named = any(name in str(error) for error in errors)
    return "answered" if named and (gap or outcome.code == 1) else "does not name the file"


def config(folder: Path) -> list[str]:
    """Each command: exit code 2, a message of one line, no file written."""
    root = world.data(folder / "data")
    wrong = 0
    for given in COMMANDS:
        work = folder / "work"
        work.mkdir()
        outcome = command([text.replace("DATA", str(root)) for text in given], work, 60)
        left = [path.name for path in work.iterdir() if path.name != "said.txt"]
        answer = [line for line in outcome.said.splitlines() if line.strip()]
        good = outcome.code == 2 and not left and len(answer) == 1 and answer[0].startswith("xtreme-noise: ")
        wrong += not good
        if not good:
            print(f"config: {' '.join(given)}: exit {outcome.code}, left {left}: {outcome.said[-800:]}")
        shutil.rmtree(work)
    return [
        f"| bad commands | {len(COMMANDS)} | {len(COMMANDS) - wrong} ended with exit code 2, one line and no file, "
        f"{wrong} did not |"
    ]
