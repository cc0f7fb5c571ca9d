"""xtreme_noise: robustness of zero-shot cross-lingual transfer to input noise."""

__version__ = "0.1.0"
