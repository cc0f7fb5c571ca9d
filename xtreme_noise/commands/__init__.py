"""The modes other than run, one per file."""
