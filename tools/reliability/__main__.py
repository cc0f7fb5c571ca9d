"""`python -m tools.reliability [kills signals damage ...]`: measures the rows of the table in docs/reliability.md.

Needs a checkout with `make dev` and an operating system with fork.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # before torch: forked processes must not inherit threads
    os.environ[name] = "1"

from tools.reliability import bad_input, damage, kills, places, world  # noqa: E402

EXPERIMENTS = ("kills", "signals", "damage", "data", "config", "changed", "disk", "users")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.reliability", description=__doc__)
    parser.add_argument("experiments", nargs="*", choices=[[], *EXPERIMENTS], default=[])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    world.warm()
    print("| fault | how often | result |\n|---|---|---|")
    for name in given.experiments or EXPERIMENTS:
        with tempfile.TemporaryDirectory(prefix=f"reliability-{name}-") as folder:
            for row in _run(name, Path(folder), given.kills, given.seed):
                print(row, flush=True)


def _run(name: str, folder: Path, count: int, seed: int) -> list[str]:
    if name == "kills":
        return kills.kills(folder, count, seed)
    if name == "signals":
        return kills.signals(folder, max(1, count // 5), seed)
    if name == "damage":
        return damage.damage(folder)
    if name in ("data", "config"):
        return bad_input.data(folder) if name == "data" else bad_input.config(folder)
    return getattr(places, name)(folder)  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
