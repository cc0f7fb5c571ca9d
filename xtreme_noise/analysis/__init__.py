"""Robustness measures and their uncertainty: numbers in, numbers out; nothing here reads or writes a file."""
