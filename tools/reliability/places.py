"""Data files that change during a study, a full disk, and a store shared by two users."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.e2e import world
from tools.reliability.world import Outcome, Place, same

USERS, GROUP = (54321, 54322), 54320  # ids without accounts
# Files of the study, each with rows that lead to other results.
FILES: dict[str, Callable[[Path], object]] = {
    "xnli/test.de.jsonl.gz": lambda path: world.write(path, world.nli("de", 20, 40)),
    "xnli/test.en.jsonl.gz": lambda path: world.write(path, world.nli("en", 20, 40)),
    "xnli/validation.en.jsonl.gz": lambda path: world.write(path, world.nli("en", 8, 340)),
    "lingnli/train.en.jsonl.gz": lambda path: world.write(path, world.nli("en", 60, 1001)),
    "lingnli/validation.en.jsonl.gz": lambda path: world.write(path, world.nli("en", 12, 2001)),
}


def changed(folder: Path) -> list[str]:
    """Each file replaced while the study's first stage trains, and put back afterwards."""
    reference = _reference(folder)
    healed = 0
    for name, harm in FILES.items():
        place = Place(folder / "changed")
        place.clear()
        path = place.root / name
        kept = path.read_bytes()
        process = place.start()
        while not any(place.store.glob("stages/.*.*")) and process.wait(0.005) is None:
            pass
        harm(path)
        process.end()  # an error that names the file, or results of the new file under new keys
        path.write_bytes(kept)
        again = place.run()
        results = place.results()
        if again.code == 0 and all(results.get(key) == value for key, value in reference.items()):
            healed += 1
        else:
            print(f"changed {name}: exit {again.code}: {again.said[-1500:]}")
    return [
        f"| a data file replaced while a stage trains, and put back | {len(FILES)} files | the next run of {healed} has"
        f" every byte of an undisturbed study, for {len(FILES) - healed} it has not |"
    ]


def disk(folder: Path) -> list[str]:
    """A store on a disk of the given size in kilobytes (a tmpfs: needs root on Linux), which is enlarged afterwards."""
    reference = _reference(folder)
    full, healed, sizes = 0, 0, [256, 512, 1024, 1536, 2048, 3072, 4096, 6144]
    place = Place(folder / "disk")
    for size in sizes:
        place.clear()
        place.store.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place.store)], check=True)
        try:
            outcome = place.run()
            full += outcome.code == 1 and not outcome.traceback
            fits = outcome.code == 0 and place.results() == reference
            subprocess.run(["mount", "-o", "remount,size=64m", str(place.store)], check=True)
            again = place.run()
            if again.code == 0 and place.results() == reference and (fits or outcome.code == 1):
                healed += 1
            else:
                print(f"disk {size}k: exit {outcome.code}: {outcome.said[-1500:]}\n--- again: {again.said[-1500:]}")
        finally:
            subprocess.run(["umount", str(place.store)], check=True)
    return [
        f"| a full disk | {len(sizes)} sizes | {full} ended with exit code 1, the others had enough room; with more "
        f"room {healed} went on to the same bytes |"
    ]


def users(folder: Path) -> list[str]:
    """A store shared by a group: one user fills it, another reads and repairs it (needs root to act as both)."""
    reference = _reference(folder)
    folder.chmod(0o755)
    place = Place(folder / "users")
    for path in (place.folder, place.store, place.sweep):
        path.mkdir(exist_ok=True)
        os.chown(path, USERS[0], GROUP)
        path.chmod(0o2775)
    first = _as(place, USERS[0])
    read = _as(place, USERS[1])
    for weights in place.store.glob("stages/*/model.safetensors"):
        weights.write_bytes(b"damaged")
    for cells in ("cells", "predictions"):  # so that the weights are needed
        shutil.rmtree(place.store / cells)
    repaired = _as(place, USERS[1])
    good = [one.code == 0 and not one.traceback for one in (first, read, repaired)]
    alike = same(place, repaired, reference)
    if not all(good):
        print("users:", *(f"exit {one.code}: {one.said[-1200:]}\n" for one in (first, read, repaired)))
    return [
        f"| a store shared by two users of a group (umask 002) | {len(good)} commands | {sum(good)} succeeded: "
        f"filled by the first, used and repaired by the second; {'the same' if alike else 'OTHER'} bytes |"
    ]


def _as(place: Place, user: int) -> Outcome:
    return place.run(user=user, group=GROUP, umask=0o002)


def _reference(folder: Path) -> dict[str, str]:
    place = Place(folder / "reference")
    outcome = place.run()
    if outcome.code != 0:
        raise SystemExit(f"the undisturbed study failed:\n{outcome.said[-3000:]}")
    return place.results()
