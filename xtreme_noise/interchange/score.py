"""mode=score: scores a folder of predictions in the official layout, from any system, with our metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from xtreme_noise import metrics
from xtreme_noise.config.schema import Config
from xtreme_noise.data.files import DataMissing
from xtreme_noise.data.sources import subsample
from xtreme_noise.errors import DataError
from xtreme_noise.features.base import Limits
from xtreme_noise.interchange.layout import Items, file_name, format_of
from xtreme_noise.languages import main as main_language
from xtreme_noise.metrics import Scored
from xtreme_noise.modules import module_class
from xtreme_noise.sheets import sheet
from xtreme_noise.stages.plan import test_reference
from xtreme_noise.stages.ranking import pool
from xtreme_noise.store import Store, write_atomic

FILE = "score.csv"


@dataclass(frozen=True)
class Result:
    """The scores of one language's file; `data`: the test set."""

    language: str
    file: Path
    data: str
    scored: Scored


def show(cfg: Config, sweep: Path) -> None:
    """Print the scores and write them to `sweep`/score.csv. Raises DataError."""
    results = score(cfg)
    metric = metrics.build(cfg.task.metric)
    extras = list(dict.fromkeys(name for result in results for name in result.scored.extra))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("language", "n", metric.name, *extras):
        table.add_column(name, justify="left" if name == "language" else "right")
    rows = [(r.language, len(r.scored.num), [r.scored.score, *(r.scored.extra[e] for e in extras)]) for r in results]
    for language, count, values in rows:
        table.add_row(language, f"{count:,}", *(f"{100 * value:.2f}" for value in values))
    means = [sum(column) / len(column) for column in zip(*(values for _, _, values in rows), strict=True)]
    table.add_row("mean", "", *(f"{100 * value:.2f}" for value in means))
    console = Console(highlight=False)
    console.print(table)
    left = [code for code in cfg.task.languages if code not in {result.language for result in results}]
    without = f", without {', '.join(left)}: this is not the task's score" if left else ""
    console.print(
        f"Scores x 100; mean over {len(results)} of {len(cfg.task.languages)} languages{without}.", soft_wrap=True
    )
    write_atomic(sweep / FILE, _csv(cfg, results, extras))
    print(sweep / FILE)


def score(cfg: Config) -> list[Result]:
    """Every language's scores. Raises DataError when a file or test set is wrong or missing (it names all of them)."""
    folder = Path(str(cfg.score.folder))
    task = cfg.task
    form = format_of(task.family, task.metric)
    files = {code: folder / file_name(cfg.reported_task(), code, form) for code in cfg.wanted_languages()}
    missing = [str(path.relative_to(folder)) for path in files.values() if not path.is_file()]
    if missing:
        there = sorted(str(path.relative_to(folder)) for path in folder.glob("*/test-*"))
        raise DataError(
            f"score.folder={folder} lacks {', '.join(missing)}. It has: {', '.join(there) or 'no such file'}"
            ". For some languages only: languages=[...]"
        )
    tests = {}
    for code in files:
        try:
            tests[code] = test_reference(cfg, code)
            tests[code].revision()
        except DataMissing as error:
            raise DataError(f"{error}: {files[code]} cannot be scored; leave {code} out of languages") from error
    # The family's module converts the gold answers; it needs no model for that.
    module = module_class(task.family)(None, None, labels=task.labels, limits=Limits(task.recipe.max_length))
    store = Store(cfg.store)
    candidates = pool(cfg)
    results = []
    for code, path in files.items():
        examples = subsample(tests[code].load(store), task.size.test, "test")
        columns = (candidates.complete(examples, store) if candidates else examples)[:]
        gold = module.gold(columns)
        choices = [len(some) for some in columns.get("choices", [])]
        predictions = form.read(path, Items(columns["id"], gold, task.labels, choices))
        data = f"{tests[code].name()}@{tests[code].revision()[:12]}"
        metric = metrics.build(task.metric, main_language(code), columns.get("case"))
        results.append(Result(code, path, data, metric.score(predictions, gold)))
    return results


def _csv(cfg: Config, results: list[Result], extras: list[str]) -> str:
    metric = metrics.build(cfg.task.metric)
    same = {
        "task": f"{cfg.reported_task()}/v{cfg.task.version}",
        "metric": f"{metric.name}/v{metric.version}",
    }
    rows = (
        same
        | result.scored.extra
        | {"language": result.language, "n": len(result.scored.num), "score": result.scored.score}
        | {"data": result.data, "file": str(result.file)}
        for result in results
    )
    return sheet(["task", "language", "n", "metric", "score", *extras, "data", "file"], rows)
