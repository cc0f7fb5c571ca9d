"""Terminals, pipes and log files that are not UTF-8: nothing fails, and no text is lost."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import pytest

from xtreme_noise import cli, streams


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)


def written(some: io.TextIOWrapper) -> str:
    assert isinstance(some.buffer, io.BytesIO)
    return some.buffer.getvalue().decode(some.encoding)


def terminal(monkeypatch: pytest.MonkeyPatch, encoding: str) -> tuple[io.TextIOWrapper, io.TextIOWrapper]:
    """stdout and stderr in place of pytest's own, which are UTF-8."""
    out, err = stream(encoding), stream(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    return out, err


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "100 \\xd7 \\u0e16 \\udcc3\n"),
        ("latin-1", "100 × \\u0e16 \\udcc3\n"),
        ("cp1252", "100 × \\u0e16 \\udcc3\n"),
        ("utf-8", "100 × ถ \\udcc3\n"),
    ],
)
def test_what_cannot_be_shown_is_shown_as_its_escape(
    encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = terminal(monkeypatch, encoding)
    streams.tolerant()
    print("100 × ถ \udcc3")  # a name with a byte that is no text
    assert written(out) == shown


@pytest.mark.usefixtures("workdir")
def test_commands_show_every_script_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = terminal(monkeypatch, "ascii")
    assert cli.main(["mode=preview", "task=intents", "language=th", "noise=char", "noise.level=0.1"]) == 0
    assert "\\u0e16" in written(out)
    assert cli.main(["task=größe"]) == 2
    assert "gr\\xf6\\xdfe" in written(err)


def test_no_terminal_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with pythonw, or `>&-`."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    streams.tolerant()
    assert cli.main(["--version"]) == 0


@pytest.mark.parametrize("delay", [False, True])
def test_log_files_are_utf_8(delay: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "job.log"
    handler = logging.FileHandler(path, encoding="ascii", delay=delay)  # as of a locale
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    if not delay:
        logging.getLogger().warning("before")
    streams.utf8_logs()
    logging.getLogger().warning("größe ถ \udcc3")
    handler.close()
    assert path.read_text(encoding="utf-8").splitlines()[-1] == "größe ถ \\udcc3"
