"""Write the shipped variances of mode=power from a finished pilot.

    .venv/bin/python -m tools.ship_pilots /its/folder "how it was made" 0.5

The number is the share of a core that the pilot's process had (its CPU time over its wall time, below 1 on a machine
with other work): the seconds are multiplied by it. Tasks of the file that are not in the pilot stay.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from xtreme_noise.commands.power import SHIPPED
from xtreme_noise.report.pilot import Pilot, read_pilots


def main(sweep: str, how: str, share: str = "1") -> None:
    """Replace the tasks of the pilot in the file."""
    before = json.loads(SHIPPED.read_text(encoding="utf-8"))["pilots"] if SHIPPED.is_file() else []
    made = [asdict(undisturbed(replace(pilot, made=how), float(share))) for pilot in read_pilots(Path(sweep))[0]]
    tasks = {entry["task"] for entry in made}
    entries = sorted([*made, *(e for e in before if e["task"] not in tasks)], key=lambda entry: str(entry["task"]))
    SHIPPED.write_text(json.dumps({"pilots": entries}, indent=1) + "\n", encoding="utf-8")


def undisturbed(pilot: Pilot, share: float) -> Pilot:
    """The pilot with the seconds of its own CPU time."""
    training = {arm: {name: share * s for name, s in stages.items()} for arm, stages in pilot.training.items()}
    return replace(pilot, training=training, testing={arm: share * s for arm, s in pilot.testing.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
