"""python -m benchmarks [name ...] [--check] [--record]: run all comparisons, or those named.

--check compares their ratios with the last ones on the same kind of machine, and fails when one is worse by a fifth.
--record appends them to docs/benchmark_history.csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from benchmarks import grid, history, multitask, noise_speed, rerun, roofline, scoring, training, training_settings
from benchmarks.setting import RATIOS, kind, machine

EVERY: dict[str, Callable[[], object]] = {
    "noise_speed": lambda: noise_speed.main([]),
    "training": training.main,
    "multitask": multitask.main,
    "training_settings": training_settings.main,
    "roofline": roofline.main,
    "grid": grid.main,
    "rerun": rerun.main,
    "scoring": scoring.main,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Comparisons measured on this machine")
    parser.add_argument("names", nargs="*", metavar="name", help=f"{', '.join(EVERY)} (default: all)")
    parser.add_argument("--check", action="store_true", help="fail when a ratio is worse by a fifth than the last one")
    parser.add_argument("--record", action="store_true", help="append the ratios to docs/benchmark_history.csv")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(EVERY):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(EVERY)}")
    print(machine())
    for name in options.names or EVERY:
        EVERY[name]()
    worse = history.worse(RATIOS, kind(), history.read()) if options.check else []
    if options.record:
        history.record(RATIOS, kind())
    for text in worse:
        print(f"worse by a fifth: {text}")
    return 1 if worse else 0


if __name__ == "__main__":
    raise SystemExit(main())
