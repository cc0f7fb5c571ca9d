"""Robustness measures and their uncertainty: pure functions of numbers; nothing here reads or writes a file."""
