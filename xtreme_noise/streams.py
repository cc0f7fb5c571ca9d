"""Output of all scripts to any terminal, pipe or file, without encoding errors."""

from __future__ import annotations

import io
import logging
import sys


def tolerant() -> None:
    """Write characters that stdout or stderr cannot encode as escapes, such as \\xd7 in ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def utf8_logs() -> None:
    """Write log files as UTF-8, whatever the locale."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.encoding, handler.errors = "utf-8", "backslashreplace"
            if isinstance(handler.stream, io.TextIOWrapper):
                handler.stream.reconfigure(encoding="utf-8", errors="backslashreplace")
