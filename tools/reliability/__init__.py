"""Faults put into whole studies, and whether each is healed or answered: docs/reliability.md has the figures."""
