"""Compilers of the tables that noise families draw from, each run by hand; what they make is checked in."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "xtreme_noise" / "noise"
