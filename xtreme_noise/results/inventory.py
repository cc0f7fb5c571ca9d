"""What is in a store, and what of it finished studies refer to: for mode=store.

A study refers to the stages and cells in the records of its jobs, and to everything that the keys of these contain: a
key names another artifact by its digest, or contains its key. What is derived from other artifacts (vectors, counts)
is referred to if they are.
"""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xtreme_noise import packs, results
from xtreme_noise.errors import UserError
from xtreme_noise.manifest import damage, digest, manifest_key
from xtreme_noise.results import studies
from xtreme_noise.results.table import read_cells

ALWAYS = ("tokenizers", "vega")  # small, and shared by all studies
DERIVED = ("counted", "overlap", "vectors", "thresholds", "class_scores")
MODELS = "models"  # their keys are a part of what stages say of their model
PACKS, UNFINISHED, DAMAGED, LEFTOVERS = "packs", "unfinished", "damaged", "leftovers"
REMOVED = ".removed"  # what is being deleted: a folder of the store
_DIGEST = re.compile(r"[0-9a-f]{16}")


@dataclass
class Entry:
    """One thing in the store that can be removed as a whole.

    keys: of the artifacts in it, by `<kind>/<digest>`: one, or those of a pack. kept: why it is kept whatever refers to
    it; None: it is removed if nothing does.
    """

    path: Path
    kind: str
    size: int
    newest: float  # modification time
    keys: dict[str, Any] = field(default_factory=dict)
    kept: str | None = None
    studies: set[str] = field(default_factory=set)  # that refer to it

    @property
    def digests(self) -> list[str]:
        return [name.partition("/")[2] for name in self.keys]


@dataclass
class Needs:
    """What the records of the studies name. unknown: why not all of it is known; nothing may be removed then."""

    digests: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # of stages and cells -> studies
    pretrained: set[str] = field(default_factory=set)  # studies with cells of models that were not trained
    unknown: list[str] = field(default_factory=list)


def needs(places: Iterable[str], root: Path) -> Needs:
    """What the studies in these folders name, however deep they are. Whatever cannot be read is in `unknown`.

    root: the store, which may be in one of the folders.
    """
    found = Needs()
    known: list[Path] = []
    for place in places:
        here = list(_studies(Path(place).expanduser().absolute(), root, found))
        if not here:
            found.unknown.append(f"clean.studies: {place} contains no study")
        known += here
    for study in dict.fromkeys(known):
        _study(study, found)
    return found


def _studies(folder: Path, root: Path, found: Needs) -> Iterator[Path]:
    """The studies in a folder. Links to folders are followed once; one that leads nowhere may be to a study."""
    waiting, seen = [folder], {root.resolve()}
    while waiting:
        here = waiting.pop()
        try:
            if studies.is_study(here):
                yield here
                continue
            if (place := here.resolve()) in seen or not here.is_dir():
                continue
            seen.add(place)
            for one in sorted(here.iterdir()):
                if one.is_symlink() and not one.exists():
                    found.unknown.append(f"{one} is a link that leads nowhere: a study may be there")
                waiting.append(one)
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            found.unknown.append(f"{here} cannot be read ({error})")


def _study(study: Path, found: Needs) -> None:
    name = str(study)
    own = studies.jobs(study)
    for job in own:
        if not studies.is_finished(job):
            found.unknown.append(f"{job} is not finished: what it needs is not known yet")
            continue
        try:
            record = results.job_record(job) or {"stages": [], "cells": []}
        except (OSError, ValueError, RecursionError) as error:
            found.unknown.append(f"{job} cannot be read ({error})")
            continue
        for stage in record["stages"]:
            found.digests[stage["digest"]].add(name)
        _cells(record["cells"], name, found)
    if own:
        return
    try:  # copied results: the table alone
        _cells(read_cells(study), name, found)
    except (UserError, OSError) as error:
        found.unknown.append(f"{study} cannot be read ({error})")


def _cells(cells: Iterable[Any], study: str, found: Needs) -> None:
    for cell in cells:
        for named in (cell.cell, cell.stage):
            if named:
                found.digests[named].add(study)
        if cell.stage is None:
            found.pretrained.add(study)


def entries(root: Path) -> list[Entry]:
    """Everything in a store that can be removed, and what is kept in any case, with the reason. No link is followed."""
    found: list[Entry] = []
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        if folder.is_symlink():
            found.append(_entry(folder, "links", kept="it is a link, which may lead out of the store"))
        elif not folder.is_dir() or folder.name == REMOVED:
            continue
        elif folder.name == DAMAGED:
            found += [_entry(one, DAMAGED, kept="set aside for inspection") for one in sorted(folder.iterdir())]
        elif folder.name == UNFINISHED:
            found += [_entry(one, UNFINISHED) for kind in sorted(folder.iterdir()) for one in _inside(kind)]
        elif folder.name == PACKS:
            found += [_pack(one) for one in sorted(folder.glob("*.zip"))]
        else:
            found += [_artifact(one, folder.name) for one in _inside(folder) if not one.name.endswith(".lock")]
    return found


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []


def _artifact(path: Path, kind: str) -> Entry:
    if path.is_symlink():
        return _entry(path, kind, kept="it is a link, which may lead out of the store")
    if path.name.startswith("."):
        return _entry(path, LEFTOVERS)  # of a build that was killed, or goes on: its lock says which
    if not _DIGEST.fullmatch(path.name):
        return _entry(path, kind, kept="it is not of this program")
    try:
        if (wrong := damage(path, (), ())) is not None:
            return _entry(path, kind, kept=f"it is damaged ({wrong}): the next study that needs it sets it aside")
        found = _entry(path, kind, kept="shared by all studies" if kind in ALWAYS else None)
        found.keys[f"{kind}/{path.name}"] = manifest_key(path)
    except (UserError, OSError, ValueError) as error:
        return _entry(path, kind, kept=f"it cannot be read ({error})")
    return found


def _pack(path: Path) -> Entry:
    if path.is_symlink():
        return _entry(path, PACKS, kept="it is a link, which may lead out of the store")
    try:
        keys = packs.keys(path)
    except (OSError, ValueError) as error:
        return _entry(path, PACKS, kept=f"{error}: the next study that needs it sets it aside")
    found = _entry(path, PACKS)
    found.keys = keys
    return found


def _entry(path: Path, kind: str, kept: str | None = None) -> Entry:
    size, newest = measure(path)
    return Entry(path, kind, size, newest, kept=kept)


def measure(path: Path) -> tuple[int, float]:
    """Bytes of a file or folder, and when the newest thing in it was written. Links are not followed."""
    size, newest = 0, 0.0
    for one in _walk(path):
        try:
            facts = os.lstat(one)
        except OSError:  # gone meanwhile
            continue
        size += 0 if stat.S_ISDIR(facts.st_mode) else facts.st_size
        newest = max(newest, facts.st_mtime)
    return size, newest


def _walk(path: Path) -> Iterator[str]:
    yield str(path)
    if not path.is_symlink():
        for directory, folders, files in os.walk(path):
            yield from (os.path.join(directory, name) for name in (*folders, *files))  # noqa: PTH118


def refer(found: list[Entry], need: Needs) -> None:
    """Fill in which studies refer to each entry."""
    where: dict[str, list[Entry]] = defaultdict(list)
    for entry in found:
        for name in entry.digests:
            where[name].append(entry)
    mentioned = {id(entry): _mentions(entry, where) for entry in found}
    models = [(entry, key) for entry in found if entry.kind == MODELS for key in entry.keys.values()]
    parts = {id(entry): list(_models(entry, models)) for entry in found}
    waiting = [(entry, names) for name, names in need.digests.items() for entry in where.get(name, ())]
    waiting += [(entry, need.pretrained) for entry, _ in models]
    while waiting:
        entry, names = waiting.pop()
        if names <= entry.studies:
            continue
        entry.studies |= names
        waiting += [(other, names) for other in (*mentioned[id(entry)], *parts[id(entry)])]
    for kind in DERIVED:
        for entry in (one for one in found if one.kind == kind):
            of = mentioned[id(entry)]
            if of and all(one.studies for one in of):
                entry.studies |= set.union(*(one.studies for one in of))


def _mentions(entry: Entry, where: Mapping[str, list[Entry]]) -> list[Entry]:
    """The other entries that the keys of one name by a digest, or contain the key of."""
    found: dict[int, Entry] = {}
    for value in _values(list(entry.keys.values())):
        name = value if isinstance(value, str) else digest(value)
        found |= {id(other): other for other in where.get(name, ()) if other is not entry}
    return list(found.values())


def _models(entry: Entry, models: Iterable[tuple[Entry, Mapping[str, Any]]]) -> Iterator[Entry]:
    said = [value for value in _values(list(entry.keys.values())) if isinstance(value, dict) and "loader" in value]
    for model, key in models:
        if model is not entry and any(all(one.get(name) == value for name, value in key.items()) for one in said):
            yield model


def _values(value: Any) -> Iterator[Any]:
    """Every mapping and every text within a key."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)
    elif isinstance(value, str) and _DIGEST.fullmatch(value):
        yield value
