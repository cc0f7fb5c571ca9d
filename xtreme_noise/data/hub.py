"""The hub source: repositories of parquet or JSON lines at one commit, only the files of the split, cached.

The files of a split are listed in the repository's card (its `configs`), or follow from their names as in `datasets`.
They are downloaded into the hub's cache, copied and checked; then `datasets.load_dataset` opens the copies. Given the
repository itself, load_dataset would download all splits of a configuration, and without a network it would use
whichever revision was cached last.
"""

from __future__ import annotations

import fnmatch
import re
import tempfile
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from xtreme_noise.config.fetched import Fetched, is_fetched
from xtreme_noise.config.splits import SplitConfig
from xtreme_noise.data.files import DataMissing
from xtreme_noise.data.repository import Repository
from xtreme_noise.errors import DataError, ModelUnavailable, suggest
from xtreme_noise.languages.codes import fill

if TYPE_CHECKING:
    from datasets import Dataset

CARD = "README.md"
READABLE = (".parquet", ".jsonl")
# Names of splits in file names, as in datasets.
SYNONYMS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "eval"),
}


def load(
    split: SplitConfig, language: str, offline: bool, root: str | None = None,
    *, commit: str | None = None, work: Path | None = None,
) -> Dataset:  # fmt: skip
    """The rows of a split with the repository's own columns, from a folder of mode=fetch (`root`) or from the hub.

    commit: the commit to read, as recorded in a key; None: the current one. work: a folder for a copy of the files, so
    that exactly what was checked is read. Raises ModelUnavailable when the repository is neither cached nor reachable,
    DataMissing when it has no such configuration or split, DataError when its files cannot be read or are not those of
    the commit.
    """
    from datasets import DownloadConfig, disable_progress_bars, enable_progress_bars, load_dataset
    from datasets.exceptions import DatasetGenerationError
    from datasets.utils import are_progress_bars_disabled

    source = repository(split, root, commit)
    chosen = files(split, language, offline, root, commit)
    shown = not are_progress_bars_disabled()
    disable_progress_bars()  # the files are already local
    try:
        with tempfile.TemporaryDirectory(dir=work) as place:
            source.copy(offline, chosen, Path(place))
            return load_dataset(
                "parquet" if chosen[0].endswith(".parquet") else "json",
                data_files=[f"{place}/{file}" for file in chosen],
                split="train",
                download_config=DownloadConfig(local_files_only=True),
                cache_dir=place,
                keep_in_memory=True,
            )
    except (DatasetGenerationError, ValueError, OSError) as error:
        cause = error.__cause__ or error
        raise DataError(f"{source.name}, {', '.join(chosen)}: cannot be read: {cause}") from error
    finally:
        if shown:
            enable_progress_bars()


def revision(split: SplitConfig, language: str, offline: bool, root: str | None = None) -> str:
    """The commit of the split. Raises ModelUnavailable, and DataMissing as `load` does."""
    files(split, language, offline, root)
    return repository(split, root).commit(offline)


def files(
    split: SplitConfig, language: str, offline: bool, root: str | None = None, commit: str | None = None
) -> list[str]:
    """The split's files in its repository. Raises ModelUnavailable or DataMissing."""
    source = repository(split, root, commit)
    listed, card = _contents(source, offline)
    name = fill(split.name, language) if split.name else None
    return split_files(listed, card, name, fill(split.split or "train", language), source.name)


def check_there(split: SplitConfig, language: str, root: str | None) -> None:
    """Raise ModelUnavailable or DataMissing unless the files of a split are in a fetched folder or the hub's cache."""
    from huggingface_hub import constants

    owner_and_name = split.path.replace("/", "--")
    if root is None and not (Path(constants.HF_HUB_CACHE) / f"datasets--{owner_and_name}").is_dir():
        raise ModelUnavailable(f"{split.path} is not in the hub's cache")  # known without the hub's slow client
    chosen = files(split, language, True, root)
    repository(split, root).download(True, chosen, tuple(chosen))


def repository(split: SplitConfig, root: str | None, commit: str | None = None) -> Repository | Fetched:
    """Where the split's files are: in a folder of mode=fetch, or on the hub and in its cache."""
    if root is not None and is_fetched(root):
        return Fetched(root, split.path, split.revision, commit)
    return Repository(split.path, "dataset", commit or split.revision)


@cache
def _contents(source: Repository | Fetched, offline: bool) -> tuple[list[str], dict[str, Any]]:
    """All files, and the metadata of the card; read once per process, at the commit that the process resolved."""
    listed = source.files(offline)
    if CARD not in listed:
        return listed, {}
    folder = source.download(offline, [CARD], required=(CARD,))
    return listed, front_matter((folder / CARD).read_text(encoding="utf-8"), source.name)


def front_matter(text: str, what: str) -> dict[str, Any]:
    """The YAML block at the top of a card, or an empty dict. Raises DataError."""
    import yaml

    match = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", text.lstrip("\ufeff"), re.DOTALL)
    if match is None:
        return {}
    try:
        metadata = yaml.safe_load(match.group(1))
    except yaml.YAMLError as error:
        raise DataError(f"{what}: the metadata of its {CARD} are not YAML: {error}") from error
    return metadata if isinstance(metadata, dict) else {}


def split_files(files: list[str], card: dict[str, Any], name: str | None, split: str, what: str) -> list[str]:
    """The files of a configuration's split, in order: parquet or, where the card names them, JSON lines.

    Raises DataMissing.
    """
    readable = sorted(file for file in files if file.endswith(READABLE))
    if not readable:
        raise DataMissing(
            f"{what} contains no parquet files (scripts are not run); the hub's automatic conversion, if there is"
            " one, is revision=refs/convert/parquet"
        )
    configs = {str(config.get("config_name", "default")): config for config in card.get("configs") or []}
    configs = {key: config for key, config in configs.items() if config.get("data_files") is not None}
    if configs:
        if name is None:
            marked = [key for key, config in configs.items() if config.get("default")]
            name = (
                marked[0] if marked else "default" if "default" in configs or len(configs) > 1 else next(iter(configs))
            )
        if name not in configs:
            raise DataMissing(f"{what} has no configuration {name!r}{suggest(name, configs, 'configurations')}")
        patterns = _patterns(configs[name]["data_files"])
        if split not in patterns:
            raise DataMissing(f"{what}, {name}: no split {split!r}{suggest(split, patterns, 'splits')}")
        chosen = [file for file in readable if any(fnmatch.fnmatch(file, pattern) for pattern in patterns[split])]
    else:
        chosen = _by_folders([file for file in readable if file.endswith(".parquet")], name, split, what)
    if not chosen:
        raise DataMissing(f"{what}{f', {name}' if name else ''}: none of {len(readable)} files is of split {split!r}")
    return chosen


def _by_folders(parquet: list[str], name: str | None, split: str, what: str) -> list[str]:
    """The files of a split when the card has no configs: a configuration is a folder, a split a folder or path part.

    refs/convert/parquet has <configuration>/<split>/0000.parquet, where `train` must not match `translate_train`.
    """
    within = [file for file in parquet if name is None or name in PurePosixPath(file).parts[:-1]]
    if name is not None and not within:
        folders = {part for file in parquet for part in PurePosixPath(file).parts[:-1]}
        raise DataMissing(f"{what} has no configuration {name!r}{suggest(name, folders, 'folders')}")
    exact = [file for file in within if PurePosixPath(file).parent.name == split]
    if exact:
        parents = {str(PurePosixPath(file).parent.parent) for file in exact}
        if len(parents) > 1:
            raise DataMissing(f"{what} has several configurations with a split {split!r}: {', '.join(sorted(parents))}")
        return exact
    if any(f"partial-{split}" in PurePosixPath(file).parts for file in within):
        raise DataMissing(f"{what}: only the beginning of the split {split!r} was converted (partial-{split})")
    words = "|".join(SYNONYMS.get(split, (re.escape(split),)))
    return [file for file in within if re.search(rf"(?:^|[-._ 0-9/])(?:{words})(?:[-._ 0-9/]|$)", file)]


def _patterns(data_files: Any) -> dict[str, list[str]]:
    """A card's `data_files` in any of its three notations, as patterns by split."""
    if isinstance(data_files, dict):
        pairs = list(data_files.items())
    elif isinstance(data_files, list) and all(isinstance(entry, dict) for entry in data_files):
        pairs = [(entry["split"], entry["path"]) for entry in data_files]
    else:
        pairs = [("train", data_files)]
    return {str(split): [path] if isinstance(path, str) else [str(one) for one in path] for split, path in pairs}
