"""From Python: run a study, look at its results, evaluate a model in memory, with the code of the command line."""

from __future__ import annotations

import multiprocessing
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtreme_noise import commands, interrupt
from xtreme_noise.asbefore import as_before
from xtreme_noise.errors import ConfigError, DataError, JobFailed

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ["task", "language", "noise", "level", "score", "clean", "drop", "n", "achieved", "metric"]


@dataclass(frozen=True)
class Study:
    """The results of a study. `Study(folder)` opens a finished one; ConfigError if the folder contains no results."""

    folder: Path

    def __post_init__(self) -> None:
        from xtreme_noise.commands.checks import has_results

        object.__setattr__(self, "folder", Path(self.folder).absolute())
        has_results(self.folder)

    @property
    def cells(self) -> pd.DataFrame:
        """One row per cell: the table cells.parquet."""
        import pandas as pd

        return pd.read_parquet(self.folder / "cells.parquet")

    def predictions(self, cell: str | Mapping[str, Any] | pd.Series) -> pd.DataFrame:
        """One row per example of a cell. cell: a row of `cells`, or its value of the column `cell`.

        Raises DataError for a cell without predictions.
        """
        import pandas as pd

        name = cell if isinstance(cell, str) else cell["cell"]
        path = self.folder / "predictions" / f"{name}.parquet"
        if not isinstance(name, str) or not path.is_file():
            raise DataError(
                f"{self.folder} has no predictions of the cell {name!r}: give a row of .cells whose status is ok"
            )
        return pd.read_parquet(path)

    def report(self) -> Path:
        """The path of report.html, which is written if it is missing or older than the results."""
        from xtreme_noise.commands import report

        with as_before():
            report.check(self.folder)
            return report.conclude(self.folder, sensitivity=False).built.page

    def _repr_html_(self) -> str:
        """In a notebook: the table that a command prints."""
        from io import StringIO

        from rich.console import Console

        from xtreme_noise.report import terminal_table

        console = Console(record=True, width=100, file=StringIO())
        console.print(terminal_table(self.folder))
        page = self.folder / "report.html"
        where = f"<p>{page.name}: <code>{page}</code></p>" if page.is_file() else ""
        return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>") + where


def run(*overrides: str, multirun: bool = False, config_dir: str | Path | None = None) -> Study:
    """Run a study, as `xtreme-noise *overrides` does; the same call again resumes it.

    overrides: the words of the command line, such as "task=xnli", "noise=[char,keyboard]". multirun: -m.
    config_dir: --config-dir. Raises ConfigError for a wrong word, before anything is loaded, and JobFailed when
    something failed: everything else is finished, and `Study(folder)` with the folder in the message opens it.
    """
    from xtreme_noise.commands import run as running
    from xtreme_noise.config import compose
    from xtreme_noise.config.command import readable

    if getattr(multiprocessing.current_process(), "_inheriting", False):  # as multiprocessing tells it
        raise ConfigError(
            "a process of a study imports your script, which begins the study again: put xtreme_noise.run and what "
            'follows below `if __name__ == "__main__":`'
        )
    if wrong := [text for text in overrides if text.startswith("-")]:
        raise ConfigError(
            f"{wrong[0]}: flags are keywords here: run(..., multirun=True) for -m, config_dir= for --config-dir"
        )
    with as_before(), interrupt.handled():
        study = compose.study([readable(text) for text in overrides], multirun, config_dir)
        if (mode := study.jobs[0].mode) != "run":
            raise ConfigError(f"mode={mode}: xtreme_noise.run only runs studies; use the command line for other modes")
        commands.check_places(study)
        outcome = running.outcome(study)
        interrupt.check()
    if outcome.failed:
        raise JobFailed(f"{'; '.join(outcome.problems)} ({study.sweep})")
    for problem in outcome.problems:
        warnings.warn(problem, stacklevel=2)
    return Study(study.sweep)


def evaluate(
    model: Any,
    tokenizer: Any,
    *,
    task: str,
    languages: str | Sequence[str],
    noise: str | Sequence[str] = "char",
    levels: Sequence[float] = (0.0, 0.05, 0.1),
    seed: int = 0,
    overrides: Sequence[str] = (),
    folder: str | Path | None = None,
) -> pd.DataFrame:
    """Evaluate a model in memory (transformers) without training; one row per language, noise family and level.

    The model and its tokenizer are saved with save_pretrained, and evaluated as `run` evaluates a checkpoint, so the
    store keeps the results: the same weights are not evaluated twice. seed: of the noise. overrides: further words,
    such as "source.root=/data" or "task.size.test=200". folder: where the study is kept; None: nowhere.

    score, clean and drop = clean - score are shares of 1 (for a metric where lower is better, drop = score - clean).
    Raises as `run` does.
    """
    from xtreme_noise.config.command import quoted

    families, codes = ([words] if isinstance(words, str) else list(words) for words in (noise, languages))
    with tempfile.TemporaryDirectory(prefix="xtreme_noise-") as place:
        saved = Path(place) / "model"
        model.save_pretrained(saved, safe_serialization=True)
        tokenizer.save_pretrained(saved)
        sweep = Path(place) / "study" if folder is None else Path(folder)
        study = run(
            "model=own", f"model.path={quoted(str(saved))}", "model.name=in_memory", f"task={task}",
            "task.train=false", f"languages=[{','.join(codes)}]", f"noise=[{','.join(families)}]",
            f"noise.levels=[{','.join(format(float(level), '.12g') for level in levels)}]", f"noise.seeds=[{seed}]",
            f"sweep={quoted(str(sweep))}", *overrides,
        )  # fmt: skip
        return _scores(study.cells)


def _scores(cells: pd.DataFrame) -> pd.DataFrame:
    from xtreme_noise.analysis.direction import LOWER_IS_BETTER

    clean = cells[cells["level"] == 0].set_index("language")["score"]
    found = cells.assign(clean=cells["language"].map(clean))
    sign = 1 - 2 * found["metric"].isin(LOWER_IS_BETTER)
    found["drop"] = (found["clean"] - found["score"]) * sign
    order = found.assign(_order=found["level"] > 0).sort_values(["language", "_order", "noise", "level"])
    return order[SHOWN].reset_index(drop=True)
