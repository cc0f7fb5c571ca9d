"""Scripts that compile the tables of the noise families. They are run by hand; their output is checked in."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "xtreme_noise" / "noise"
