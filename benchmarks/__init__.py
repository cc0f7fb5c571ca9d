"""Benchmarks: speed relative to a named alternative, both measured in one run. No test asserts these figures."""
