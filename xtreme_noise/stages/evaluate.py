"""The cells of a job on one loaded model: noise, predictions (saved), scores, one record each."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm  # not tqdm.auto, which warns in a notebook without widgets

from xtreme_noise import hardware, interrupt, tasks
from xtreme_noise.config import grid
from xtreme_noise.config.fields import spoken
from xtreme_noise.config.schema import Config
from xtreme_noise.data.files import DataMissing
from xtreme_noise.data.sources import SplitRef, subsample
from xtreme_noise.data.transform import NoiseTransform, texts, token_change_rate
from xtreme_noise.errors import NotApplicable, UserError
from xtreme_noise.packs import Packs
from xtreme_noise.position import named
from xtreme_noise.record import CLEAN, CellRecord
from xtreme_noise.results import class_scores, nearest
from xtreme_noise.results.class_scores import CLASS_SCORES, ClassScores
from xtreme_noise.results.nearest import Nearest
from xtreme_noise.stages import speed
from xtreme_noise.stages.bars import bars
from xtreme_noise.stages.cell_lines import CellLines
from xtreme_noise.stages.mining import Mining
from xtreme_noise.stages.model_cache import ModelCache
from xtreme_noise.stages.plan import Cell, Plan
from xtreme_noise.stages.scoring import FACTS, FURTHER, PREDICTIONS, RECORD, SCORES, score
from xtreme_noise.store import Store, digest, write_atomic

if TYPE_CHECKING:  # nothing heavy is imported unless a cell is missing
    from datasets import Dataset

    from xtreme_noise.stages.predictor import Predictor

log = logging.getLogger(__name__)
CLASSES = "class_scores.parquet"
# Examples that are encoded together, at least one cell's: inputs of similar length share a batch, and a crash loses at
# most these forward passes.
AHEAD = 1000
Copies = Mapping[str, bytes]  # of a finished cell: folder of the study -> the file that is copied there
_last_test: dict[str, str] = {}  # the language whose inputs the predictor has cached


def evaluate(plan: Plan, store: Store, models: ModelCache) -> Iterator[tuple[CellRecord, Copies]]:
    """Language by language: train what is missing, then evaluate every cell.

    Yields every cell's record and its files. A failure is recorded in the cells that it affects; all others are
    evaluated.
    """
    languages = list(dict.fromkeys(cell.language for cell in plan.cells))
    if plan.cfg.strict:
        for language in languages:  # raises for the first gap, before anything is trained
            LanguageSession(plan, store, models, language)
    said: set[str] = set()
    lines = CellLines(len(plan.cells))
    with tqdm(total=len(plan.cells), desc=f"{named()}cells", unit="cell", disable=not bars(plan.cfg)) as bar:
        for language in languages:
            session = LanguageSession(plan, store, models, language, said)
            log.info("%s%s %s: %d cells", named(), plan.cfg.task.name, language, len(session.cells))
            session.prepare()
            for cell in session.cells:
                interrupt.check()
                lines.begins()
                bar.set_postfix_str(f"{cell.language} {cell.noise}@{cell.level:g}")
                record, files = session.record(cell)
                if record.status == "error":
                    interrupt.check()  # a signal may have caused the error
                if bar.disable:
                    lines.ends()
                bar.update()
                yield record, files
            session.pack()


class LanguageSession:
    """One language's test set and cells; the test set is loaded when a cell needs it.

    said: errors that were logged already: an error that many cells share is logged once.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        models: ModelCache,
        language: str,
        said: set[str] | None = None,
    ) -> None:
        self.plan = plan
        self.store = store
        self.packs = Packs(store)
        self.models = models
        self.language = language
        self.cells = [cell for cell in plan.cells if cell.language == language]
        self.missing: str | None = None
        self.status = "missing"
        self._said = set() if said is None else said
        self._data: Dataset | None = None
        self._clean_tokens: list[list[int]] | None = None
        self.mining: Mining | None = None
        self._ready: dict[Cell, tuple[Dataset, dict[str, Any]]] = {}  # encoded, not yet predicted
        try:
            self.test: SplitRef | None = plan.test(language)
            self.mining = plan.mining(language)
        except DataMissing as error:
            if plan.cfg.strict:
                raise
            self.test, self.missing = None, str(error)
        except UserError as error:  # not available from the hub: the other languages are still evaluated
            self._say(language, error)
            self.test, self.missing, self.status = None, str(error), "error"

    def prepare(self) -> None:
        """If a cell lacks predictions, read the test set, then train and open the model.

        The test set comes first, so that its errors show before hours of training. An error here is raised again, and
        recorded, for every cell that needs the model or the data.
        """
        try:
            if self.unfinished:
                self.data()
                self.models.get(self.language)
        except Exception as error:
            interrupt.check()
            self._say(f"{self.plan.cfg.task.name} {self.language}", error)

    @property
    def unfinished(self) -> bool:
        """Whether a cell lacks predictions, and has data for them."""
        return self.test is not None and any(self._lacks_predictions(cell, self.test) for cell in self.cells)

    def _lacks_predictions(self, cell: Cell, test: SplitRef) -> bool:
        if self._cannot_act_in(cell):
            return False
        if self.packs.there("cells", self.plan.cell_key(cell, test), self._pack):
            return self._lacks_class_scores(cell, test)
        return self._to_encode(cell, test) or self._lacks(_clean(cell), test)

    def _lacks(self, cell: Cell, test: SplitRef) -> bool:
        return not self.packs.there("predictions", self.plan.prediction_key(cell, test), self._pack)

    def _lacks_class_scores(self, cell: Cell, test: SplitRef) -> bool:
        if not self.plan.class_scores:
            return False
        return not self.packs.there(CLASS_SCORES, self.plan.class_scores_key(cell, test), self._pack)

    def _to_encode(self, cell: Cell, test: SplitRef) -> bool:
        """Whether a cell needs the model's outputs."""
        return self._lacks(cell, test) or self._lacks_class_scores(cell, test)

    @cached_property
    def _pack(self) -> str:
        """The file of the store in which the cells of this language are packed."""
        assert self.test is not None
        return self.plan.pack(self.language, self.test)

    def pack(self) -> None:
        """Pack the artifacts of the language's cells that are folders, of this session or of one that was killed."""
        if self.test is None or not self.packs.loose(("cells", "predictions", CLASS_SCORES)):
            return
        try:
            self.packs.pack(self._pack, [one for cell in self.cells for one in self._artifacts(cell, self.test)])
        except OSError as error:  # the cells are finished, packed or not
            log.warning("%s: the cells of %s stay folders of their own (%s)", self.packs.folder, self.language, error)

    def _artifacts(self, cell: Cell, test: SplitRef) -> Iterator[tuple[str, Mapping[str, Any]]]:
        yield "cells", self.plan.cell_key(cell, test)
        for one in (cell, _clean(cell)):
            yield "predictions", self.plan.prediction_key(one, test)
            if self.plan.class_scores:
                yield CLASS_SCORES, self.plan.class_scores_key(one, test)

    def _cannot_act_in(self, cell: Cell) -> str | None:
        """The first language of the cell that its noise family does not support; None: all are supported."""
        for code in spoken(self.plan.cfg, cell.language).values() if cell.perturber else ():
            if cell.perturber is not None and not cell.perturber.supports(code):
                return code
        return None

    def record(self, cell: Cell) -> tuple[CellRecord, Copies]:
        """The cell's record and its files, computed unless stored."""
        planned = identify(self.plan.cfg, cell)
        if self.test is None:
            return replace(planned, status=self.status, error=self.missing), {}
        if (code := self._cannot_act_in(cell)) is not None:
            return replace(planned, status="n/a", error=f"noise family {cell.noise!r} cannot act in {code!r}"), {}
        key = self.plan.cell_key(cell, self.test)
        planned = replace(planned, cell=digest(key))
        try:
            found = self._measured(cell, self.test, key)
            files = {"predictions": found[SCORES]}
            if self.plan.class_scores:
                files[CLASS_SCORES] = self._class_scores(cell, self.test, found[SCORES])[CLASSES]
        except NotApplicable as error:
            return replace(planned, status="n/a", error=str(error)), {}
        except UserError as error:
            self._say(describe(cell), error)
            return replace(planned, status="error", error=str(error)), {}
        except Exception as error:
            self._say(describe(cell), error)
            return replace(planned, status="error", error=f"{type(error).__name__}: {error}"), {}
        measured = json.loads(found[RECORD])
        signature = self.plan.signature(cell, self.test, measured["n"], planned.cell)
        stage = self.plan.digest_for(self.language) if self.plan.stages else None
        rest = {"status": "ok", "stage": stage, "signature": signature}
        return CellRecord.of(planned.values() | measured | rest), files

    def _say(self, where: str, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        if text in self._said:
            return
        self._said.add(text)
        if isinstance(error, UserError):
            log.error("%s: %s", where, error)
        else:
            log.error("%s failed", where, exc_info=error)

    def _measured(self, cell: Cell, test: SplitRef, key: Mapping[str, Any]) -> Mapping[str, bytes]:
        def make(directory: Path) -> None:
            found = self._predictions(cell, test)
            clean = found if cell.noise == CLEAN else self._predictions(_clean(cell), test)
            score(directory, found, clean, self.plan.cfg.task.metric, self.language, self._clusters)

        return self.packs.build("cells", key, self._pack, make, (RECORD, SCORES))

    def data(self) -> Dataset:
        """The language's test examples, subsampled to size.test: the same items in every language of a parallel set."""
        assert self.test is not None
        if self._data is None:
            self._data = subsample(self.test.load(self.store), self.plan.cfg.task.size.test, "test")
            if self.plan.pool is not None:
                self._data = self.plan.pool.complete(self._data, self.store)
        return self._data

    def _predictions(self, cell: Cell, test: SplitRef) -> Mapping[str, bytes]:
        def make(directory: Path) -> None:
            predictor, noisy, facts = self._encoded(cell, test)
            if self.mining is not None:
                from xtreme_noise.stages.threshold import prepare

                facts["thresholds"] = prepare(self.plan, self.store, predictor, self.mining, self.data())
            begin = time.perf_counter()
            columns = noisy[:]
            predictions = predictor.predict(columns)
            facts["windows"] = predictor.windows(columns)
            facts |= {"hardware": hardware.kind(self.plan.cfg.trainer.accelerator), "precision": predictor.precision}
            if cell.noise != CLEAN:
                facts |= self._token_facts(noisy)
                facts["saturated"] = self._saturated(cell, facts)
            facts["seconds"] = round(facts["noise_seconds"] + facts["forward_seconds"] + time.perf_counter() - begin, 3)
            gold = predictor.module.gold(columns)
            table = {
                "id": columns["id"],
                "prediction": predictions,
                "gold": [json.dumps(truth, ensure_ascii=False) for truth in gold],
            }
            if "case" in columns:
                table["case"] = columns["case"]
            if (choices := predictor.module.choices(columns)) is not None:
                table["choices"] = choices
            table |= {FURTHER + name: lines for name, lines in predictor.further(columns).items()}
            pq.write_table(pa.table(table), directory / PREDICTIONS)
            write_atomic(directory / FACTS, json.dumps(facts, ensure_ascii=False))
            if self.plan.class_scores:  # now, because the model's outputs are at hand
                self._class_scores(cell, test, (directory / PREDICTIONS).read_bytes(), (predictor, noisy))

        key = self.plan.prediction_key(cell, test)
        return self.packs.build("predictions", key, self._pack, make, (PREDICTIONS, FACTS))

    def _class_scores(
        self, cell: Cell, test: SplitRef, predictions: bytes, encoded: tuple[Predictor, Dataset] | None = None
    ) -> Mapping[str, bytes]:
        """The scores of all classes or, where the task is a search, the nearest candidates; computed unless stored.
        predictions: the file with those of the cell.

        Raises DataError when the model does not give these predictions.
        """

        def make(directory: Path) -> None:
            predictor, noisy = encoded or self._encoded(cell, test)[:2]
            predicted = pq.read_table(io.BytesIO(predictions))["prediction"].to_pylist()
            family, ids = tasks.family(self.plan.cfg.task.family), noisy["id"][:]
            if family.nearest:
                searched = Nearest(ids, *predictor.nearest(noisy[:], nearest.DEPTH))
                searched.check(predicted)
                nearest.write(directory / CLASSES, searched)
                return
            classes = predictor.module.labels if family.labelled else None
            found = ClassScores(ids, predictor.class_scores(noisy[:]), classes)
            found.check(predicted)
            class_scores.write(directory / CLASSES, found)

        return self.packs.build(CLASS_SCORES, self.plan.class_scores_key(cell, test), self._pack, make, (CLASSES,))

    def _encoded(self, cell: Cell, test: SplitRef) -> tuple[Predictor, Dataset, dict[str, Any]]:
        """The model, the cell's examples with their noise, which it has encoded, and what is known of them."""
        self.data()  # before the model, so that an error in the data shows first
        predictor = self.models.get(self.language)
        if cell not in self._ready:
            self._encode_ahead(cell, test, predictor)
        return predictor, *self._ready.pop(cell)

    def _encode_ahead(self, first: Cell, test: SplitRef, predictor: Predictor) -> None:
        """Encode the noisy examples of `first` and of the next unfinished cells together, up to AHEAD examples."""
        # Values are cached for the clean inputs of one language, many of which noise leaves as they are: memory does
        # not grow with the cells.
        here = f"{self.plan.cfg.task.name}|{self.language}"
        predictor.forget(but=self.data()[:] if _last_test.get("here") == here else None)
        _last_test["here"] = here
        wave = {first: self._noisy(first)}
        for cell in self.cells[self.cells.index(first) + 1 :] if first in self.cells else ():
            if (len(wave) + 1) * len(self.data()) > AHEAD:
                break
            if self._to_encode(cell, test):
                try:
                    wave[cell] = self._noisy(cell)
                except Exception as error:  # raised again, and recorded, when this cell is evaluated
                    log.debug("%s: %s", describe(cell), error)
        costs = predictor.encode([noisy[:] for noisy, _ in wave.values()])
        cfg, (tokens, seconds) = self.plan.cfg, map(sum, zip(*costs, strict=True))
        speed.note(self.store, cfg.trainer.accelerator, cfg.model.name, "infer", tokens, seconds)
        for (_, facts), cost in zip(wave.values(), costs, strict=True):
            facts["forward_tokens"], facts["forward_seconds"] = cost.tokens, round(cost.seconds, 3)
        self._ready = wave

    def _noisy(self, cell: Cell) -> tuple[Dataset, dict[str, Any]]:
        begin = time.perf_counter()
        data = self.data()
        if cell.perturber is None:
            return data, {
                "achieved": 0.0, "changed": 0.0, "word_change_rate": 0.0, "capacity": None, "fertility": 1.0,
                "token_change_rate": 0.0, "saturated": False,
                "noise_seconds": 0.0, "samples": [],
            }  # fmt: skip
        task, field = self.plan.cfg.task, self.plan.noise_field
        transform = NoiseTransform(
            perturber=cell.perturber,
            level=cell.level,
            seed=cell.noise_seed,
            task=task.name,
            family=task.family,
            field=field,
            language=cell.language,
            by=self.plan.cfg.noise.calibrate_by,
            tokenise=self._tokenise,
            spoken=spoken(self.plan.cfg, cell.language),
            labels=task.labels,
        )
        noisy = transform(data, "test")
        return noisy.dataset, {
            "noise_seconds": round(time.perf_counter() - begin, 4),
            "achieved": noisy.achieved,
            "changed": noisy.changed,
            "word_change_rate": noisy.word_change_rate,
            "capacity": noisy.capacity,
            "samples": noisy.samples,
        }

    def _tokenise(self, some: list[str]) -> list[list[int]]:
        ids: list[list[int]] = self.models.get(self.language).module.tokenizer(some, add_special_tokens=False)[
            "input_ids"
        ]
        return ids

    def _token_facts(self, noisy: Dataset) -> dict[str, Any]:
        """Effects of the noise on subword tokens, in the columns it acts on."""
        names = tasks.family(self.plan.cfg.task.family).noise_fields[self.plan.noise_field].columns
        if self._clean_tokens is None:
            self._clean_tokens = self._tokenise(texts(self.data(), names))
        tokens = self._tokenise(texts(noisy, names))
        return {
            "fertility": sum(map(len, tokens)) / sum(map(len, self._clean_tokens)),
            "token_change_rate": token_change_rate(self._clean_tokens, tokens),
        }

    def _saturated(self, cell: Cell, facts: Mapping[str, Any]) -> bool:
        assert cell.perturber is not None
        clocks = {"grapheme": "achieved", "word": "word_change_rate", "token": "token_change_rate"}
        reached = facts[clocks[self.plan.cfg.noise.calibrate_by]]
        return not cell.perturber.paired and saturated(cell.level, reached, facts["capacity"])

    def _clusters(self, table: Mapping[str, list[Any]]) -> list[str]:
        """What is resampled together: an item in all languages, or the questions of a case or paragraph."""
        items = table.get("case") or self._source_items(table["id"])
        return [item if self.plan.cfg.task.parallel else f"{self.language}|{item}" for item in items]

    def _source_items(self, ids: list[str]) -> list[str]:
        """For each example, the first id of those that share its paragraph or premise; its own id if none is known."""
        data, column = self.data(), tasks.family(self.plan.cfg.task.family).together
        if column is None:
            return ids
        texts = self.plan.pool.contexts(data, self.store) if self.plan.pool else data[column][:]
        if texts is None:
            return ids
        text_of = dict(zip(data["id"][:], texts, strict=True))
        first: dict[str, str] = {}
        for name in sorted(ids):
            first.setdefault(text_of[name], name)
        return [first[text_of[name]] for name in ids]


def saturated(level: float, reached: float, capacity: float) -> bool:
    """Whether the noise is weaker than its level because nothing more can be changed; the report marks such cells.

    True when it falls short by more than the calibration tolerance (0.005 up to level 0.1, 0.01 above) and the level is
    above a third of the capacity.
    """
    slack = 0.005 if level <= 0.1 else 0.01
    return reached < level - slack and level > capacity / 3


def identify(cfg: Config, cell: Cell) -> CellRecord:
    """The record of a cell before evaluation."""
    kept = cell.perturber.label_preserving if cell.perturber else True
    return replace(grid.planned(cfg, cell.place), label_preserving=kept)


def describe(cell: Cell) -> str:
    """A short description of a cell for log lines."""
    return f"{cell.language} {cell.noise} at level {cell.level:g}"


def _clean(cell: Cell) -> Cell:
    return Cell(cell.language, CLEAN, 0.0, 0)
