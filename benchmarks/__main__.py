"""python -m benchmarks: run all comparisons."""

from __future__ import annotations

from benchmarks import attention, grid, multitask, noise_speed, rerun, scoring, training
from benchmarks.setting import machine

print(machine())
noise_speed.main()
training.main()
multitask.main()
attention.main()
grid.main()
rerun.main()
scoring.main()
