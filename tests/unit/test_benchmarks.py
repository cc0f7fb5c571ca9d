"""Parts of the benchmarks that can be tested without measuring a speed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks import gpu, many_cells, roofline
from xtreme_noise import results
from xtreme_noise.report.cells import read_cells
from xtreme_noise.results.items import JobItems


def test_without_a_gpu_the_gpu_benchmark_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main() == 2
    assert capsys.readouterr().out == "Nothing was measured: torch finds no CUDA device on this machine.\n"


def test_the_gpu_benchmark_runs_with_a_tiny_model_on_a_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(roofline, "SECONDS", 0.01)
    gpu.measure(roofline.texts(40, "train"), "tiny", "cpu")
    lines = capsys.readouterr().out.splitlines()
    assert "float32, sdpa: 40 of 40 predictions equal those of the CPU" in lines
    assert sum("tokens/s" in line for line in lines) == 2 * len(gpu.settings())


def test_operations_of_e5_small() -> None:
    """42.5 million per token in 21 million weights, and attention that grows with the length."""
    config = SimpleNamespace(hidden_size=384, intermediate_size=1536, num_hidden_layers=12)
    weights = 2 * 12 * (4 * 384**2 + 2 * 384 * 1536)
    assert roofline.forward(config, [1]) == weights + 12 * 4 * 384
    assert roofline.forward(config, [10, 20]) == 30 * weights + 12 * 4 * 384 * 500
    assert weights == 42_467_328


def test_the_study_of_many_cells_is_like_a_measured_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_cells, "LANGUAGES", ["en", "de"])
    monkeypatch.setattr(many_cells, "ITEMS", 6)
    count = many_cells.make(tmp_path / "s", 1)
    assert count == 3 * 3 * 2 * 19 and results.finish(tmp_path / "s") == results.Completion(count, 0, 0, 0)
    cells, problems = read_cells(tmp_path / "s")
    assert len(cells) == count and not problems, "what was planned is what was measured"
    assert len(JobItems(tmp_path / "s").of(cell.cell for cell in cells)) == count
