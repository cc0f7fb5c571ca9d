"""Write the shipped variances of mode=power from a finished pilot.

    .venv/bin/python -m tools.ship_pilots /its/folder "how it was made"

Run the pilot on a machine without other work: its seconds are shipped. Tasks of the file that are not in it stay.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from xtreme_noise.commands.power import SHIPPED
from xtreme_noise.report.pilot import read_pilots


def main(sweep: str, how: str) -> None:
    """Replace the tasks of the pilot in the file."""
    before = json.loads(SHIPPED.read_text(encoding="utf-8"))["pilots"] if SHIPPED.is_file() else []
    made = [asdict(replace(pilot, made=how)) for pilot in read_pilots(Path(sweep))[0]]
    tasks = {entry["task"] for entry in made}
    entries = sorted([*made, *(e for e in before if e["task"] not in tasks)], key=lambda entry: str(entry["task"]))
    SHIPPED.write_text(json.dumps({"pilots": entries}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
