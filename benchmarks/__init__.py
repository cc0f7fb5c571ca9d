"""Speed as a ratio against a named alternative, both in one run. Never an assertion of a test."""
