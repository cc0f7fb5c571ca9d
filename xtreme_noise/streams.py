"""Text of every script on whatever terminal, pipe or file there is: nothing fails for want of an encoding."""

from __future__ import annotations

import io
import logging
import sys


def tolerant() -> None:
    """Signs that stdout or stderr cannot show are written as their escapes, such as \\xd7 in ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def utf8_logs() -> None:
    """Log files are UTF-8, as all other files: Python opens them in the encoding of the locale."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.encoding, handler.errors = "utf-8", "backslashreplace"
            if isinstance(handler.stream, io.TextIOWrapper):
                handler.stream.reconfigure(encoding="utf-8", errors="backslashreplace")
