"""Ratios of a benchmark run beside those of earlier runs on the same kind of machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import history, setting
from benchmarks.setting import Ratio

LINES = [
    {"date": "2026-01-01", "machine": "two cores", "name": "speed", "ratio": "9"},
    {"date": "2026-01-02", "machine": "two cores", "name": "speed", "ratio": "1"},
    {"date": "2026-01-02", "machine": "two cores", "name": "cost", "ratio": "1"},
    {"date": "2026-01-03", "machine": "ten cores", "name": "speed", "ratio": "5"},
]


@pytest.mark.parametrize(
    ("name", "value", "rises", "expected"),
    [
        ("speed", 0.81, False, []),
        ("speed", 0.8, False, ["speed: ratio 0.80, before 1.00"]),
        ("speed", 3.0, False, []),
        ("cost", 1.24, True, []),
        ("cost", 1.26, True, ["cost: ratio 1.26, before 1.00"]),
        ("cost", 0.5, True, []),
        ("new", 0.1, False, []),
    ],
)
def test_a_ratio_is_compared_to_the_last_of_its_kind(name: str, value: float, rises: bool, expected: list[str]) -> None:
    assert history.worse({name: Ratio(value, rises)}, "two cores", LINES) == expected
    assert history.worse({name: Ratio(value, rises)}, "another machine", LINES) == []


def test_what_is_recorded_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting, "RATIOS", {})
    setting.line("speed, with a comma", 3, 2, "1/s", "at least 1")
    setting.line("cost", 1, 2, "s", "at most 1")
    expected = {"speed, with a comma": Ratio(1.5, False), "cost": Ratio(0.5, True)}
    assert expected == setting.RATIOS
    path = tmp_path / "history.csv"
    path.write_text(",".join(history.COLUMNS) + "\n", encoding="utf-8")
    monkeypatch.setattr(history, "HISTORY", path)
    history.record(setting.RATIOS, "two cores")
    lines = history.read()
    assert [(line["machine"], line["name"], line["ratio"]) for line in lines] == [
        ("two cores", "speed, with a comma", "1.5"),
        ("two cores", "cost", "0.5"),
    ]
    worse = {name: Ratio(value * (2 if rises else 0.5), rises) for name, (value, rises) in setting.RATIOS.items()}
    assert len(history.worse(worse, "two cores", lines)) == 2


def test_the_history_has_its_columns_and_ratios_only() -> None:
    assert history.HISTORY.read_text(encoding="utf-8").startswith(",".join(history.COLUMNS) + "\n")
    assert all(float(line["ratio"]) > 0 for line in history.read())


def test_the_command_fails_and_names_what_is_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, measured = tmp_path / "history.csv", iter([2.0, 2.1, 1.0])
    path.write_text(",".join(history.COLUMNS) + "\n", encoding="utf-8")
    monkeypatch.setattr(history, "HISTORY", path)
    monkeypatch.setattr(setting, "RATIOS", {})
    monkeypatch.setattr(command, "RATIOS", setting.RATIOS)
    monkeypatch.setattr(command, "EVERY", {"one": lambda: setting.line("speed", next(measured), 1, "1/s", "none")})
    assert command.main(["one", "--record", "--check"]) == 0
    assert command.main(["--check"]) == 0
    assert len(history.read()) == 1
    assert "worse" not in capsys.readouterr().out
    assert command.main(["--check"]) == 1
    assert capsys.readouterr().out.endswith("worse by a fifth: speed: ratio 1.00, before 2.00\n")
