"""Synthetic and attested noise with levels that are comparable across languages.

build("char")("Guten Tag", 0.1, "example-1", language="de")
"""

from xtreme_noise.noise.edits import Edit, NoisedText
from xtreme_noise.noise.perturber import NoisedTokens, Perturber
from xtreme_noise.noise.registry import build, families, parameters_class

__all__ = ["Edit", "NoisedText", "NoisedTokens", "Perturber", "build", "families", "parameters_class"]
