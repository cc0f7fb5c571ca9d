"""Whether progress bars are drawn."""

from __future__ import annotations

import sys

from xtreme_noise.config.schema import Config


def bars(cfg: Config) -> bool:
    """Whether to draw progress bars: for people only. A log file gets the lines of the log."""
    return cfg.trainer.progress and sys.stderr.isatty()
