"""Kills a study at random moments: a second run must end with the bytes of an undisturbed run."""

from __future__ import annotations

import random
import signal
import sys
from collections import Counter
from pathlib import Path

from tools.reliability.world import Place, same

PHASES = ("before the first fit", "fit", "between fits", "evaluation", "report")
ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143}  # exit codes of a command that is asked to end


def kills(folder: Path, count: int, seed: int) -> list[str]:
    """SIGKILL `count` times, at moments evenly spread over a run."""
    reference, seconds = _reference(folder)
    place, random_ = Place(folder / "killed"), random.Random(seed)
    hit: Counter[str] = Counter()
    differ, studies = 0, 0
    while sum(hit.values()) < count:
        place.clear()
        while True:
            process = place.start()
            outcome = process.wait(random_.uniform(0, seconds))
            if outcome is None and sum(hit.values()) < count:
                process.kill()
                process.end()
                hit[phase(place)] += 1
                continue
            outcome = outcome or process.end()
            studies += 1
            differ += not same(place, outcome, reference)
            print(f"{dict(hit)}: {studies} studies, {differ} differ", file=sys.stderr, flush=True)
            break
    spread = ", ".join(f"{name} {hit[name]}" for name in PHASES)
    kept = f"{studies - differ} studies ended with the bytes of an undisturbed run, {differ} did not"
    return [f"| SIGKILL at a random moment | {sum(hit.values())} ({spread}) in {studies} studies | {kept} |"]


def signals(folder: Path, count: int, seed: int) -> list[str]:
    """SIGINT and SIGTERM `count` times each: a line, the right exit code, and the next run resumes."""
    reference, seconds = _reference(folder)
    rows = []
    for number, code in ENDS.items():
        place, random_ = Place(folder / f"signal{number}"), random.Random(seed + number)
        place.clear()
        said = wrong = late = 0
        while said + wrong < count:
            process = place.start()
            if process.wait(random_.uniform(0.3, seconds)) is not None:
                late += 1
                place.clear()
                continue
            process.kill(number)
            outcome = process.end()
            if outcome.code == 0:  # it had finished
                late += 1
                place.clear()
            elif outcome.code == code and "interrupted" in outcome.said and not outcome.traceback:
                said += 1
            else:
                wrong += 1
                print(f"signal {number}: exit {outcome.code}: {outcome.said[-2000:]}")
        whole = same(place, place.run(), reference)
        name = signal.Signals(number).name
        ended = f"{said} ended with exit code {code} and a line, {wrong} did not"
        then = f"the next run ended with {'the same' if whole else 'OTHER'} bytes"
        rows.append(f"| {name} at a random moment | {count} | {ended}; {then} |")
    return rows


def phase(place: Place) -> str:
    """The phase in which a study was killed, from the files it left."""
    stages = list(place.store.glob("stages/*/manifest.json"))
    building = [path for path in place.store.glob("stages/.*") if path.is_dir()]
    expected = 2 * 2 * 2
    if building:
        return "fit"
    if not stages:
        return "before the first fit"
    cells = len(list(place.store.glob("cells/*/manifest.json")))
    if len(stages) < 3:
        return "evaluation" if 0 < cells < expected / 2 else "between fits"
    return "evaluation" if cells < expected else "report"


def _reference(folder: Path) -> tuple[dict[str, str], float]:
    place = Place(folder / "reference")
    place.clear()
    outcome = place.run()
    if outcome.code != 0:
        raise SystemExit(f"the undisturbed study failed:\n{outcome.said[-3000:]}")
    return place.results(), outcome.seconds
