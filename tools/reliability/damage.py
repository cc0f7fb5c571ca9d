"""Damage to the files of a finished or interrupted study: a second run must restore the same bytes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.reliability.world import Outcome, Place

Harm = Callable[[Path], object]
# The damaged file: the first that matches the pattern.
STAGE, CELL, PREDICTIONS = "store/stages/*", "store/cells/*", "store/predictions/*"
WEIGHTS, CONFIG, TOKENIZER = f"{STAGE}/model.safetensors", f"{STAGE}/config.json", f"{STAGE}/tokenizer.json"
RECORD, SCORES, LINES = f"{CELL}/record.json", f"{CELL}/scores.parquet", f"{PREDICTIONS}/predictions.parquet"
JOB, STATE = "sweep/jobs/*/job.json", "store/unfinished/stages/*/last.safetensors"


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def zeroed(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def removed(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def a_folder(path: Path) -> None:
    removed(path)
    path.mkdir()


def a_file(path: Path) -> None:
    removed(path)
    path.write_text("not a folder")


def dangling(path: Path) -> None:
    removed(path)
    path.symlink_to(path.with_name("nowhere"))


def text(content: str) -> Harm:
    return lambda path: path.write_text(content)


def manifest(change: Callable[[dict[str, object]], object]) -> Harm:
    def damaged(path: Path) -> None:
        content = json.loads((path / "manifest.json").read_text())
        (path / "manifest.json").write_text(json.dumps(change(content)))

    return damaged


def better(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"score": 0.99}))


def swapped(path: Path) -> None:
    """Swap the names of two entries of the same kind."""
    other = sorted(one for one in path.parent.glob("[0-9a-f]*") if one.is_dir() and one != path)[-1]
    aside = path.with_name("aside")
    path.rename(aside)
    other.rename(path)
    aside.rename(other)


KINDS: list[tuple[str, str, Harm]] = [
    ("weights: a byte flipped", WEIGHTS, flipped),
    ("weights: cut in half", WEIGHTS, cut),
    ("weights: empty", WEIGHTS, emptied),
    ("weights: a byte too many", WEIGHTS, longer),
    ("weights: zeros", WEIGHTS, zeroed),
    ("weights: missing", WEIGHTS, removed),
    ("weights: a folder", WEIGHTS, a_folder),
    ("weights: a dangling link", WEIGHTS, dangling),
    ("model config: cut", CONFIG, cut),
    ("tokenizer: empty", TOKENIZER, emptied),
    ("manifest: missing", f"{STAGE}/manifest.json", removed),
    ("manifest: empty", f"{STAGE}/manifest.json", emptied),
    ("manifest: cut", f"{CELL}/manifest.json", cut),
    ("manifest: a list", CELL, manifest(lambda content: [content])),
    ("manifest: null", CELL, manifest(lambda _: None)),
    ("manifest: a number", f"{CELL}/manifest.json", text("7")),
    ("manifest: no files", CELL, manifest(lambda content: content | {"files": {}})),
    ("manifest: files is a list", CELL, manifest(lambda content: content | {"files": ["record.json"]})),
    ("manifest: a digest is a number", STAGE, manifest(lambda content: content | {"files": {"model.safetensors": 1}})),
    ("manifest: a file outside", STAGE, manifest(lambda content: content | {"files": {"../../x": "0" * 64}})),
    ("manifest: no key", CELL, manifest(lambda content: {"files": content["files"]})),
    ("manifest: another key", STAGE, manifest(lambda content: content | {"key": {}})),
    ("manifest: not UTF-8", f"{CELL}/manifest.json", lambda path: path.write_bytes(b"\xff\xfe")),
    ("manifest: nested too deep", f"{CELL}/manifest.json", text("[" * 100_000)),
    ("entry: a file", CELL, a_file),
    ("entry: an empty folder", STAGE, a_folder),
    ("entry: a dangling link", CELL, dangling),
    ("entries: two stages swapped", STAGE, swapped),
    ("entries: two cells swapped", CELL, swapped),
    ("record: edited score", RECORD, better),
    ("scores: a byte flipped", SCORES, flipped),
    ("predictions: cut", LINES, cut),
    ("job record: cut", JOB, cut),
    ("job record: a list", JOB, text("[]")),
    ("job record: missing", JOB, removed),
    ("job record: wrong types", JOB, text('{"cells": [1], "stages": {}, "finished": "x"}')),
    ("predictions of the study: flipped", "sweep/predictions/*.parquet", flipped),
    ("cells.parquet: cut", "sweep/cells.parquet", cut),
    ("state of a fit: a byte flipped", STATE, flipped),
    ("state of a fit: cut", STATE, cut),
    ("state of a fit: empty", STATE, emptied),
    ("state of a fit: a byte too many", STATE, longer),
    ("state of a fit: zeros", STATE, zeroed),
    ("state of a fit: a folder", STATE, a_folder),
    ("state of a fit: not JSON", STATE, lambda path: _header(path, "no JSON")),
    ("state of a fit: a JSON of another shape", STATE, lambda path: _header(path, "{}")),
]  # fmt: skip


def _header(path: Path, state: str) -> None:
    """The same tensors with other metadata."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(path, framework="pt") as stream:
        header, tensors = stream.metadata(), {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    save_file(tensors, path, metadata=header | {"state": state})


def damage(folder: Path) -> list[str]:
    """Each kind of damage once, on a copy of the same finished study (checkpoints of a fit: an interrupted study)."""
    whole = Place(folder / "whole")
    whole.clear()
    _whole(whole.run())
    reference = whole.results()
    begun = _begun(folder)
    wrong = list(_wrong(folder, whole, begun, reference))
    for name, outcome in wrong:
        print(f"damage: {name}: exit {outcome.code}: {outcome.said[-1500:]}")
    return [
        f"| damaged files and folders | {len(KINDS)} kinds | {len(KINDS) - len(wrong)} repaired to the same bytes by "
        f"the same command, {len(wrong)} were not |"
    ]


def _wrong(folder: Path, whole: Place, begun: Place, reference: dict[str, str]) -> Iterator[tuple[str, Outcome]]:
    for name, pattern, harm in KINDS:
        place = (begun if pattern == STATE else whole).copy(folder / "harmed")
        targets = [path for path in sorted(place.folder.glob(pattern)) if path.suffix != ".lock"]
        if pattern.startswith(STAGE):  # every stage, and without cells, so that they are needed
            for kind in ("cells", "predictions"):
                shutil.rmtree(place.store / kind)
        for target in targets if pattern.startswith(STAGE) and harm is not swapped else targets[:1]:
            harm(target)
        outcome = place.run()
        if outcome.code != 0 or outcome.traceback or place.results() != reference:
            yield name, outcome
        shutil.rmtree(place.folder)


def _begun(folder: Path) -> Place:
    """A study killed in the middle of a fit."""
    place = Place(folder / "begun")
    states = place.store / "unfinished" / "stages"
    while True:
        place.clear()
        process = place.start()
        os.setpriority(
            os.PRIO_PROCESS, process.pid, 19
        )  # the fit takes milliseconds, and this process must look in time
        while not any(states.glob("*/last.safetensors")) and process.wait(0.0005) is None:
            pass
        with contextlib.suppress(ProcessLookupError):
            process.kill()
            process.end()
        if any(states.glob("*/last.safetensors")):
            return place


def _whole(outcome: Outcome) -> None:
    if outcome.code != 0:
        raise SystemExit(f"the undisturbed study failed:\n{outcome.said[-3000:]}")
