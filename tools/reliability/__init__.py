"""Injects faults into whole studies and checks that each is repaired or reported. Figures: docs/reliability.md."""
