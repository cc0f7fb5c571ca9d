"""mode=preview: a dozen clean and noisy examples with marked edits, and statistics of the noise."""

from __future__ import annotations

from functools import partial
from typing import Any

from rich.console import Console
from rich.text import Text

from xtreme_noise import tasks
from xtreme_noise.config.compose import Study
from xtreme_noise.config.fields import noise_field, spoken
from xtreme_noise.config.schema import Config
from xtreme_noise.data.sources import subsample
from xtreme_noise.data.transform import NoiseTransform
from xtreme_noise.errors import NotApplicable
from xtreme_noise.noise.edits import Edit, edits_between
from xtreme_noise.stages.plan import cells, test_reference
from xtreme_noise.store import Store

SHOWN = 12
MEASURED = 400  # examples over which the achieved level is measured


def main(study: Study) -> int:
    """Returns 0; raises DataMissing and ConfigError."""
    shown: list[Any] = []
    for job in study.jobs:  # jobs that differ only in their models have the same noise
        what = (job.task, job.noise, job.source, job.wanted_languages())
        if what not in shown:
            shown.append(what)
            show(job)
    return 0


def show(cfg: Config) -> None:
    """Print a preview of every noisy cell of a job; n/a for a cell whose noise has nothing to act on.

    Raises DataMissing and ConfigError.
    """
    console = Console(soft_wrap=True, highlight=False)
    store = Store(cfg.store)
    field = noise_field(cfg)
    for cell in cells(cfg):
        if cell.perturber is None:
            continue
        measured = min(MEASURED, cfg.limit or MEASURED)
        data = subsample(test_reference(cfg, cell.language).load(store), measured, "test")
        columns = [
            column
            for column in tasks.family(cfg.task.family).noise_fields[field].columns
            if column in data.column_names
        ]
        transform = NoiseTransform(
            perturber=cell.perturber,
            level=cell.level,
            seed=cell.noise_seed,
            task=cfg.task.name,
            family=cfg.task.family,
            field=field,
            language=cell.language,
            by=cfg.noise.calibrate_by,
            tokenise=partial(_tokenise, cfg, store),
            spoken=spoken(cfg, cell.language),
            labels=cfg.task.labels,
        )
        console.rule(f"{cfg.reported_task()} {cell.language}: {cell.noise} at level {cell.level:g} ({field})")
        try:
            noisy = transform(data, "test")
        except NotApplicable as error:
            console.print(f"n/a: {error}", markup=False)
            continue
        shown = 0
        for before, after in zip(data, noisy.dataset, strict=True):
            for column in columns:
                if before[column] != after[column] and shown < SHOWN:
                    shown += 1
                    console.print(Text(f"{before['id']} {column}", style="dim"))
                    clean, dirty = _marked(before[column], after[column])
                    console.print("  clean ", clean)
                    console.print("  noisy ", dirty)
        console.print(
            f"achieved grapheme error {noisy.achieved:.4f} (asked {cell.level:g}), {noisy.changed:.0%} of "
            f"{len(data)} examples changed, word-change rate {noisy.word_change_rate:.3f}, "
            f"capacity {noisy.capacity:.2f}"
        )


def _tokenise(cfg: Config, store: Store, some: list[str]) -> list[list[int]]:
    from xtreme_noise import models

    path = models.tokenizer(cfg.model, store, cfg.source.offline)
    tokenizer = models.load_tokenizer(path, trust_remote_code=cfg.model.trust_remote_code)
    ids: list[list[int]] = tokenizer(some, add_special_tokens=False)["input_ids"]
    return ids


def _marked(clean: str | list[str], noisy: str | list[str]) -> tuple[Text, Text]:
    """Both texts with the edits marked: [-out-] in the clean, {+in+} in the noisy one."""
    before = " ".join(clean) if isinstance(clean, list) else clean
    after = " ".join(noisy) if isinstance(noisy, list) else noisy
    one, other = Text(), Text()
    for edit, kept in _pieces(before, after):
        one.append(kept)
        other.append(kept)
        if edit is not None and edit.clean:
            one.append(f"[-{edit.clean}-]", style="red")
        if edit is not None and edit.noisy:
            other.append(f"{{+{edit.noisy}+}}", style="green")
    return one, other


def _pieces(before: str, after: str) -> list[tuple[Edit | None, str]]:
    pieces: list[tuple[Edit | None, str]] = []
    at = 0
    for edit in edits_between(before, after):
        pieces.append((edit, before[at : edit.start]))
        at = edit.end
    pieces.append((None, before[at:]))
    return pieces
