"""mode=list: tasks, arms, noise, models, experiments, languages, data on this machine, studies. docs/commands.md
documents the keys of its JSON.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from xtreme_noise import languages
from xtreme_noise.commands.checks import no_sweep
from xtreme_noise.config import catalogue, earlier, schema
from xtreme_noise.config.compose import Study
from xtreme_noise.config.schema import Config, IntermediateConfig, TaskConfig
from xtreme_noise.config.where import PRESET, Sources
from xtreme_noise.errors import ConfigError

Row = dict[str, Any]
NLPAUG = "nlpaug"  # whose languages depend on the augmenter; asking it imports torch
WIDE = 110  # characters of a line in the overview


def main(study: Study) -> int:
    """Returns 0. Options whose file cannot be read are listed with what is wrong."""
    no_sweep(study, "name studies, or the folders that they are in, by list.studies=[...]")
    cfg = study.jobs[0]
    whats = schema.LISTED if cfg.list.what is None else (cfg.list.what,)
    found = {what: _MAKERS[what](cfg, Sources(folders=study.searched)) for what in whats}
    if cfg.list.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return 0
    for what, rows in found.items():
        if cfg.list.what is None:
            print(f"{what} ({len(rows)}; in full: mode=list list.what={what})")
            print(*_overview(what, rows), sep="\n")
        else:
            print(*_lines([_SHOWN[what](row) for row in rows]), sep="\n")
    return 0


def _overview(what: str, rows: Sequence[Row]) -> list[str]:
    """The names of a part's rows; of studies, everything."""
    if what == "studies":
        return [f"  {line}" for line in _lines([_of_study(row) for row in rows])]
    if what == "data":
        here = [row for row in rows if row["complete"]]
        part = [row for row in rows if not row["complete"] and any(one["there"] for one in row["parts"].values())]
        rest = [row["name"] for row in rows if row not in here and row not in part]
        groups = {"complete": [row["name"] for row in here], "in part": [row["name"] for row in part], "not here": rest}
        return [line for title, names in groups.items() if names for line in _wrapped(f"{title}: {', '.join(names)}")]
    return _wrapped(", ".join(row["code" if what == "languages" else "name"] for row in rows))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDE, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _options(sources: Sources, group: str, facts: Callable[[str, dict[str, Any]], Row]) -> list[Row]:
    """A row of every option of a group; one whose file is wrong has `error` in place of its facts."""
    rows = []
    for option in sources.options(group):
        row: Row = {"name": option}
        try:
            row |= facts(option, catalogue.read(sources, group, option))
        except (ConfigError, KeyError, TypeError, ValueError, AttributeError) as error:
            row["error"] = f"{error} (mode=check {group}={option} says more)"
        rows.append(row)
    return rows


def _tasks(_cfg: Config, sources: Sources) -> list[Row]:
    def facts(_option: str, found: dict[str, Any]) -> Row:
        return {
            "family": found["family"],
            "metric": found["metric"],
            "languages": list(found["languages"]),
            "trained": bool(found.get("train", True)),
            "sources": sorted(found.get("data", {})),
        }

    return _options(sources, "task", facts)


def _intermediates(_cfg: Config, sources: Sources) -> list[Row]:
    def facts(_option: str, found: dict[str, Any]) -> Row:
        parts = found.get("stages") or found.get("tasks") or {}
        return {
            "family": found.get("family"),
            "parts": list(parts),
            "arms": {name: list((arm or {}).get("languages") or []) for name, arm in found.get("arms", {}).items()},
        }

    return _options(sources, "intermediate", facts)


def _noise(_cfg: Config, sources: Sources) -> list[Row]:
    from xtreme_noise.noise.registry import plain

    def facts(_option: str, found: dict[str, Any]) -> Row:
        codes: set[str] = set()
        for family, parameters in found["families"].items():
            if family == NLPAUG:
                return {"languages": None, "why": "those of its augmenter"}
            try:
                perturber = plain(family, parameters or {})
            except ConfigError as error:  # it needs a table of the user's
                return {"languages": None, "why": str(error)}
            codes |= {code for code in languages.LANGUAGES if perturber.supports(code)}
        return {"languages": sorted(codes), "why": None}

    return _options(sources, "noise", facts)


def _models(_cfg: Config, sources: Sources) -> list[Row]:
    def facts(_option: str, found: dict[str, Any]) -> Row:
        return {"loader": found.get("loader", "hub"), "path": found.get("path"), "revision": found.get("revision")}

    return _options(sources, "model", facts)


def _presets(_cfg: Config, sources: Sources) -> list[Row]:
    rows = []
    for name in sources.options(PRESET):
        row: Row = {"name": name, "about": catalogue.about(sources, f"{PRESET}/{name}")}
        for group, key in (("task", "tasks"), ("intermediate", "intermediates")):
            row[key] = sources.options(f"{PRESET}/{name}/{group}")
        rows.append(row)
    return rows


def _experiments(_cfg: Config, sources: Sources) -> list[Row]:
    names = sources.options("experiment")
    return [{"name": name, "about": catalogue.about(sources, f"experiment/{name}")} for name in names]


def _languages(_cfg: Config, _sources: Sources) -> list[Row]:
    return [
        {"code": row.code, "name": row.name, "script": row.script, "xtreme_r": row.xtreme_r}
        for row in languages.LANGUAGES.values()
    ]


def _data(cfg: Config, sources: Sources) -> list[Row]:
    from xtreme_noise.data.availability import Availability, of_intermediate, of_task

    found: list[Availability] = []
    for option in sources.options("task"):
        try:
            task = earlier.typed(TaskConfig, catalogue.read(sources, "task", option))
            found.append(of_task(option, task, cfg.source))
        except (ConfigError, KeyError, TypeError, ValueError, AttributeError):
            continue  # list.what=tasks says what is wrong
    for option in sources.options("intermediate"):
        try:
            own = earlier.typed(IntermediateConfig, catalogue.read(sources, "intermediate", option))
            found += of_intermediate(option, own, cfg.source)
        except (ConfigError, KeyError, TypeError, ValueError, AttributeError):
            continue
    return [
        {
            "name": one.name,
            "kind": one.kind,
            "source": one.source,
            "complete": one.complete,
            "parts": {name: {"there": part.there, "missing": part.missing} for name, part in one.parts.items()},
        }
        for one in found
    ]


def _studies(cfg: Config, _sources: Sources) -> list[Row]:
    from xtreme_noise.results import studies

    def day(date: float | None) -> str | None:
        return None if date is None else datetime.fromtimestamp(date, timezone.utc).isoformat(timespec="minutes")

    return [
        {
            "name": one.folder.name,
            "folder": str(one.folder),
            "jobs": one.jobs,
            "finished": one.finished,
            "cells": one.cells,
            "ok": one.ok,
            "date": day(one.date),
            "report": None if one.report is None else str(one.report),
        }
        for one in map(studies.summary, studies.find(cfg.list.studies))
    ]


_MAKERS: Mapping[str, Callable[[Config, Sources], list[Row]]] = {
    "tasks": _tasks,
    "intermediates": _intermediates,
    "noise": _noise,
    "models": _models,
    "presets": _presets,
    "experiments": _experiments,
    "languages": _languages,
    "data": _data,
    "studies": _studies,
}


def _codes(codes: Sequence[str]) -> str:
    return f"{len(codes)} language{'' if len(codes) == 1 else 's'}: {' '.join(codes)}"


def _or_error(facts: Callable[[Row], list[str]]) -> Callable[[Row], list[str]]:
    return lambda row: [row["name"], row["error"]] if "error" in row else [row["name"], *facts(row)]


def _arms(row: Row) -> list[str]:
    of = row["family"] or " + ".join(row["parts"])
    return [of, "; ".join(f"{arm} ({' '.join(codes)})" if codes else arm for arm, codes in row["arms"].items())]


def _parts(row: Row) -> list[str]:
    said = []
    for name, part in row["parts"].items():
        every = len(part["there"]) + len(part["missing"])
        first = next(iter(part["missing"].values()), "")
        lacks = f", not in {' '.join(part['missing'])} ({first})" if first else ""
        said.append(f"{name} {len(part['there'])} of {every}{lacks}")
    return [row["source"] or "-", "complete" if row["complete"] else "; ".join(said) or "no data in this source"]


def _of_study(row: Row) -> list[str]:
    cells = "no table of cells" if row["cells"] is None else f"{row['ok']} of {row['cells']} cells ok"
    jobs = f"{row['finished']} of {row['jobs']} jobs finished"
    return [row["name"], jobs, cells, row["date"] or "", row["report"] or "no report"]


_SHOWN: Mapping[str, Callable[[Row], list[str]]] = {
    "tasks": _or_error(lambda row: [row["family"], row["metric"], _codes(row["languages"])]),
    "intermediates": _or_error(_arms),
    "noise": _or_error(lambda row: [row["why"] if row["languages"] is None else _codes(row["languages"])]),
    "models": _or_error(lambda row: [row["loader"], row["path"] or ""]),
    "presets": lambda row: [row["name"], row["about"] or f"tasks: {' '.join(row['tasks'])}"],
    "experiments": lambda row: [row["name"], row["about"]],
    "languages": lambda row: [row["code"], row["name"], row["script"], "XTREME-R" if row["xtreme_r"] else ""],
    "data": lambda row: [row["name"], *_parts(row)],
    "studies": _of_study,
}


def _lines(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as text in columns; the last column is as long as it is."""
    listed = list(rows)
    columns = max((len(row) for row in listed), default=0)
    widths = [max((len(row[number]) for row in listed if len(row) == columns), default=0) for number in range(columns)]
    return [
        "  ".join([*(text.ljust(widths[number]) for number, text in enumerate(row[:-1])), row[-1]]).rstrip()
        for row in listed
    ]
