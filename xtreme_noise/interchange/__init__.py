"""Prediction files in the layout of google-research/xtreme: writing (mode=export) and reading (mode=score)."""
