"""The modes, one per file, each with `main(study)`, which returns the exit code.

Slow imports are inside functions, so that a wrong command is reported before torch is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtreme_noise.config.schema import OF_STUDIES
from xtreme_noise.errors import ConfigError

if TYPE_CHECKING:  # it imports Hydra, which --help does without
    from xtreme_noise.config.compose import Study

ARCHIVE = ".zip"  # the ending of a study's archive
OF_FOLDERS = (
    "report",
    "export",
    "typology",
    "archive",
    "status",
    "cancel",
)  # modes that need nothing but the folder of a study


def start(study: Study) -> int:
    """Run the study's mode, after the checks that most modes share; returns the exit code."""
    check_places(study)
    code: int = _file(study.jobs[0].mode).main(study)
    return code


def check_places(study: Study) -> None:
    """The checks that most modes share. Raises ConfigError."""
    mode = study.jobs[0].mode
    if mode not in (*OF_STUDIES, "mine_typos"):  # these read neither data nor the store
        from xtreme_noise.commands import checks

        checks.places(study)


def start_in(mode: str, studies: Sequence[Path], options: Study | None = None) -> int:
    """Run one of OF_FOLDERS in the folder of a study, or of several combined; returns the exit code.

    options: the command's other settings, composed; None: there are none.
    """
    from xtreme_noise.commands.checks import has_results

    _other_names([folder for folder in studies if _is_archive(folder)])
    studies = [_unpacked(folder) for folder in studies]
    for folder in studies:
        has_results(folder)
    place = studies[0]
    if len(studies) > 1:
        from xtreme_noise.results import combine

        place = combine.combined(studies)
    code: int = _file(mode).of(place) if options is None else _file(mode).main(replace(options, sweep=place))
    return code


def _is_archive(study: Path) -> bool:
    return study.suffix == ARCHIVE and not study.is_dir()


def _other_names(archives: Sequence[Path]) -> None:
    """Raises ConfigError for archives that would be unpacked into one folder, which is named as they are."""
    known: dict[str, Path] = {}
    for archive in archives:
        if (first := known.setdefault(archive.name, archive)) is not archive:
            raise ConfigError(f"sweep: {first} and {archive} have one name, and so one folder: rename a copy of one")


def _unpacked(study: Path) -> Path:
    """The folder of a study that is given as an archive (mode=archive)."""
    if not _is_archive(study):
        return study
    from xtreme_noise.results import archive

    return archive.opened(study)


def _file(mode: str) -> Any:
    return import_module(f"{__name__}.{mode}")
