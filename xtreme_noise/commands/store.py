"""mode=store: what is in the store, which studies refer to it, and removing what none of them does."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from xtreme_noise.commands.checks import no_sweep
from xtreme_noise.config.compose import Study
from xtreme_noise.errors import ConfigError
from xtreme_noise.results import inventory
from xtreme_noise.results.inventory import LEFTOVERS, PACKS, REMOVED, UNFINISHED, Entry
from xtreme_noise.writing import file_lock, hidden, make_folder

NAMED = 25  # the largest entries are listed one by one


def main(study: Study) -> int:
    """Returns 1 when entries should be removed and may not be, because studies cannot be read; else 0."""
    no_sweep(study, "name studies, or the folders that they are in, by clean.studies=[...]")
    cfg = study.jobs[0]
    root = Path(cfg.store).expanduser().resolve()
    if not root.is_dir():
        raise ConfigError(f"store={cfg.store}: there is no such folder")
    if cfg.clean.remove and not os.access(root, os.W_OK):
        raise ConfigError(f"store={root} is read-only: nothing can be removed from it")
    need = inventory.needs(cfg.clean.studies, root)
    found = inventory.entries(root)
    inventory.refer(found, need)
    idle = [one for one in found if not one.studies and one.kept is None]
    young = [one for one in idle if _young(one, cfg.clean.hours)]
    goes = [one for one in idle if not _young(one, cfg.clean.hours)]
    _show(root, found)
    for one in (entry for entry in found if entry.kept is not None and entry.kind not in inventory.ALWAYS):
        print(f"kept: {_name(root, one)}: {one.kept}")
    if young:
        print(f"kept: {_amount(young)} that no study refers to, younger than clean.hours={cfg.clean.hours:g}")
    for why in need.unknown:
        print(f"xtreme-noise: {why}", file=sys.stderr)
    if need.unknown:
        print(
            "xtreme-noise: nothing can be removed, because what these need is not known. Finish or delete such jobs, "
            "or name all studies that use this store: clean.studies=[folder,...]",
            file=sys.stderr,
        )
        return int(cfg.clean.remove)
    if not cfg.clean.remove:
        print(f"{_amount(goes)} can be removed: clean.remove=true removes them" if goes else "nothing to remove")
        return 0
    removed = _remove(root, goes, cfg.clean.studies, cfg.clean.hours)
    print(f"removed {_amount(removed)}")
    return 0


def _young(entry: Entry, hours: float) -> bool:
    return time.time() - entry.newest < hours * 3600


def _name(root: Path, entry: Entry) -> str:
    return str(entry.path.relative_to(root))


def _about(entry: Entry) -> str:
    """What an entry is, from its key: the name of a stage, the path of data with its language; '' for others."""
    key: dict[str, Any] = next(iter(entry.keys.values()), {}) if len(entry.keys) == 1 else {}
    split = key.get("split")
    if isinstance(split, dict):
        return f"{split.get('path')} {key.get('part')} {key.get('language')}"
    return str(key.get("name", ""))


def _amount(some: Sequence[Entry]) -> str:
    return f"{len(some)} entr{'y' if len(some) == 1 else 'ies'} ({_bytes(sum(one.size for one in some))})"


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError(size)


def _show(root: Path, found: Sequence[Entry]) -> None:
    """Three tables: by kind, by study, and the largest entries with the studies that refer to them."""
    kinds: dict[str, list[Entry]] = defaultdict(list)
    of_studies: dict[str, list[Entry]] = defaultdict(list)
    for one in found:
        kinds[one.kind].append(one)
        for study in one.studies:
            of_studies[study].append(one)
    print(f"{root}: {_amount(found)}")
    for kind, own in sorted(kinds.items()):
        rest = [one for one in own if not one.studies and one.kept is None]
        print(f"  {kind:<14} {_amount(own):<26} {f'no study refers to {_amount(rest)}' if rest else ''}".rstrip())
    for study, own in sorted(of_studies.items()):
        print(f"  {study} refers to {_amount(own)}")
    for one in sorted(found, key=lambda entry: -entry.size)[:NAMED]:
        used = ", ".join(sorted(Path(study).name for study in one.studies)) or one.kept or "no study"
        print(f"  {_name(root, one):<40} {_bytes(one.size):>10}  {_about(one):<28}  {used}")
    if len(found) > NAMED:
        print(f"  and {len(found) - NAMED} smaller ones")


def _remove(root: Path, goes: Sequence[Entry], places: Sequence[str], hours: float) -> list[Entry]:
    """Remove entries: each is renamed first, so that nobody finds a part of it, and a killed command leaves no half.

    Stops when a study has begun meanwhile: what it needs is not known. An entry that another process builds is kept.
    """
    away = make_folder(root / REMOVED)
    shutil.rmtree(away, ignore_errors=True)  # by a command that was killed
    removed: list[Entry] = []
    for entry in goes:
        if why := inventory.needs(places, root).unknown if len(removed) % 100 == 0 else None:
            print(f"xtreme-noise: stopped, because a study has begun: {why[0]}", file=sys.stderr)
            break
        lock = _lock(root, entry)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"kept: {_name(root, entry)}: a running process uses it")
            continue
        try:
            _, newest = inventory.measure(entry.path)
            if newest > entry.newest or time.time() - newest < hours * 3600:
                continue  # written meanwhile
            make_folder(away)
            gone = hidden(away / entry.path.name)
            entry.path.rename(gone)
            removed.append(entry)
        except FileNotFoundError:
            continue  # another command was first
        except OSError as error:
            print(f"kept: {_name(root, entry)}: it cannot be removed ({error.strerror})")
            continue
        finally:
            lock.release()
        _delete(gone)
    shutil.rmtree(away, ignore_errors=True)
    return removed


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _lock(root: Path, entry: Entry) -> FileLock:
    """The lock under which an entry is built. The file stays: another process may be waiting for it."""
    if entry.kind == PACKS:
        return file_lock(root / PACKS / ".lock")
    name = entry.path.name.split(".")[1] if entry.kind == LEFTOVERS else entry.path.name  # .digest.process.random
    folder = root / entry.path.parent.name if entry.kind == UNFINISHED else entry.path.parent
    return file_lock(folder / f"{name}.lock")
