"""Where a configuration value was written: the command line, a sweep, or which line of which file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from xtreme_noise.config import paths

Key = tuple[str | int, ...]
PRESET = "preset"  # the group whose folders change options of other groups
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def split_key(dotted: str) -> Key:
    """`task.data.files.train[0].path` as its parts."""
    parts = re.findall(r"\[(-?\d+)\]|([^.\[\]]+)", dotted)
    return tuple(int(index) if index else name for index, name in parts)


@dataclass(frozen=True)
class Sources:
    """The overrides and files that a config was composed from."""

    overrides: tuple[str, ...] = ()  # as given to Hydra for this job
    swept: tuple[str, ...] = ()  # those that an experiment's hydra.sweeper.params added
    folders: tuple[Path, ...] = ()  # config folders, the first one first
    choices: dict[str, str] = field(default_factory=dict)  # group -> chosen option

    def of(self, dotted: str) -> str:
        """(…) for a message: where the value of a key was written, or '' for a default."""
        key = self._by(dotted)
        chosen = key in self.choices and key != dotted  # only the option was chosen: its file is more precise
        found = (self.line(dotted) if chosen else None) or self.override(dotted) or self.line(dotted)
        return f" ({found})" if found else ""

    def override(self, dotted: str) -> str | None:
        """The last override of this key, else of a key in it, else of its nearest parent."""
        key = self._by(dotted)
        return self.describe(self._keys[key]) if key is not None else None

    @cached_property
    def _keys(self) -> dict[str, str]:
        return {text.split("=", 1)[0].strip().lstrip("+~"): text for text in self.overrides}

    def _by(self, dotted: str) -> str | None:
        """The key of `override`."""
        keys = self._keys
        within = [key for key in keys if key.startswith((f"{dotted}.", f"{dotted}["))]
        around = [key for key in keys if dotted.startswith((f"{key}.", f"{key}["))]
        found = [dotted] if dotted in keys else within[-1:] or sorted(around, key=len)[-1:]
        return found[0] if found else None

    def sets(self, dotted: str) -> bool:
        """Whether this very key was written for this job: in an override, alone or in a mapping, or in a file.

        The files are those of `line`; the own file of an option within another one (tasks, stages) is not among them.
        """
        return self.sets_by_override(dotted) or self.line(dotted) is not None

    def sets_by_override(self, dotted: str) -> bool:
        """Whether the command, or the sweep of an experiment, sets this very key."""
        return any(_sets(text, dotted) for text in self.overrides)

    def wrote(self, dotted: str, *, options: bool) -> str | None:
        """Where the person who runs the study wrote this very key; None if only a shipped file did.

        options: whether their own options (a model, a task) count too, or only what they wrote for this study:
        overrides and their own experiments.
        """
        own_sweep = self._own(f"experiment/{self.choices.get('experiment')}") is not None
        for text in reversed(self.overrides):
            if (own_sweep or text not in self.swept) and _sets(text, dotted):
                return self.describe(text)
        for name, path in self._brought:
            if not (options or _parsed(name, path)[0] == ()):
                continue
            if (number := _line(path, name, split_key(dotted))) is not None:
                return f"{shown(path)}, line {number}"
        return None

    def _own(self, config: str) -> Path | None:
        """The file of a config, if it is not a shipped one."""
        path = self.path(config)
        return None if path is None or path.is_relative_to(paths.conf_dir()) else path

    @cached_property
    def _files(self) -> list[tuple[str, Path]]:
        """The files of this composition with their names, highest priority first."""
        return [(name, path) for name in self._configs() if (path := self.path(name)) is not None]

    @cached_property
    def _brought(self) -> list[tuple[str, Path]]:
        """Those of them that are not shipped."""
        return [(name, path) for name, path in self._files if not path.is_relative_to(paths.conf_dir())]

    def path(self, config: str) -> Path | None:
        """The file of a config, in the first folder that has it, as in Hydra."""
        found = (folder / f"{config}.yaml" for folder in self.folders)
        return next((path for path in found if path.is_file()), None)

    def describe(self, text: str) -> str:
        """An override, and whether it was typed or swept by an experiment."""
        if text in self.swept:
            return f"{text}, from hydra.sweeper.params of the experiment"
        return f"command line: {text}"

    def line(self, dotted: str, config: str | None = None) -> str | None:
        """File and line of a key: in `config` (such as experiment/quickstart), or in any file of the composition."""
        one = None if config is None else self.path(config)
        for name, path in self._files if config is None else [(config, one)] if one else []:
            if (number := _line(path, name, split_key(dotted))) is not None:
                return f"{shown(path)}, line {number}"
        return None

    def file(self, config: str) -> str:
        """The file of a config, for a message."""
        path = self.path(config)
        return config if path is None else shown(path)

    def options(self, group: str) -> list[str]:
        """Every option of a group in every folder, as written in an override (`attested/xnli`)."""
        found = set()
        for folder in self.folders:
            root = folder / group
            files = (
                root.glob("*.yaml") if group == PRESET else root.rglob("*.yaml")
            )  # the folders of a preset are its parts
            found |= {str(p.relative_to(root).with_suffix("")) for p in files}
        return sorted(found)

    def groups(self) -> list[str]:
        """Every group in every folder."""
        return sorted({p.name for folder in self.folders for p in folder.iterdir() if p.is_dir()})

    def _configs(self) -> Iterator[str]:
        """Names of the files of this composition, highest priority first."""
        own = [(group, option) for group, option in self.choices.items() if not group.startswith("hydra/")]
        # preset@task is merged into task, and wins over it.
        chosen = [
            (group.partition("@")[0], option) for group, option in sorted(own, key=lambda pair: "@" not in pair[0])
        ]
        ranked = sorted(chosen, key=lambda pair: pair[0] != "experiment")
        yield from (f"{group}/{option}" for group, option in ranked if group == "experiment")
        yield "config"
        yield from (f"{group}/{option}" for group, option in ranked if group != "experiment")


def shown(path: Path) -> str:
    """A path as a person in this folder would write it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _sets(text: str, dotted: str) -> bool:
    """Whether an override sets this very key, directly or within a mapping or list."""
    key = text.split("=", 1)[0].strip().lstrip("+~")
    if dotted != key and not dotted.startswith((f"{key}.", f"{key}[")):
        return False
    found = _value(text)
    for name in split_key(dotted)[len(split_key(key)) :]:
        if not (name in found if isinstance(found, dict) else isinstance(found, list) and name in range(len(found))):
            return False
        found = found[name]
    return True


@lru_cache(10_000)
def _value(override: str) -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_override(override).value()


def package(text: str, config: str) -> Key:
    """Where the content of a config file goes: its `# @package` header, else its group."""
    header = re.search(r"^\s*#\s*@package\s+(\S+)", text, flags=re.MULTILINE)
    parts = config.split("/")
    if parts[0] == PRESET and len(parts) > 2:
        return (parts[2],)  # preset/two_cores/task/xnli
    group = tuple(parts[:1]) if "/" in config else ()  # options in subfolders belong to the group itself
    if header is None or header[1] == "_group_":
        return group
    return () if header[1] == "_global_" else tuple(header[1].split("."))


def _line(path: Path, config: str, key: Key) -> int | None:
    """The line of a key in a config file, or None."""
    own, node = _parsed(config, path)
    return _descend(node, key[len(own) :]) if key[: len(own)] == own else None


def _parsed(config: str, path: Path) -> tuple[Key, yaml.Node | None]:
    """Where the content of a config file goes, and the content. Cached: it is needed for every key."""
    return _read(config, path, stamp(path))


def stamp(path: Path) -> tuple[int, ...]:
    """A value that changes whenever a config file changes."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(1000)
def _read(config: str, path: Path, changed: tuple[int, ...]) -> tuple[Key, yaml.Node | None]:  # noqa: ARG001
    text = path.read_text(encoding="utf-8")
    return package(text, config), yaml.compose(text, Loader=_LOADER)


def _descend(node: yaml.Node | None, key: Sequence[str | int]) -> int | None:
    if node is None or not key:
        return None if node is None else node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key[0]):
                return (name.start_mark.line + 1) if len(key) == 1 else _descend(value, key[1:])
    if isinstance(node, yaml.SequenceNode) and isinstance(key[0], int) and key[0] < len(node.value):
        return _descend(node.value[key[0]], key[1:])
    return None
