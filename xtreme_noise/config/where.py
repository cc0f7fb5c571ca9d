"""Where a configuration value was written: the command line, a sweep, or which line of which file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

Key = tuple[str | int, ...]
_ABSENT = object()


def split_key(dotted: str) -> Key:
    """`task.data.files.train[0].path` as its parts."""
    parts = re.findall(r"\[(-?\d+)\]|([^.\[\]]+)", dotted)
    return tuple(int(index) if index else name for index, name in parts)


@dataclass(frozen=True)
class Sources:
    """What a config was composed from: its overrides and its files."""

    overrides: tuple[str, ...] = ()  # as given to Hydra for this job
    swept: tuple[str, ...] = ()  # those that an experiment's hydra.sweeper.params added
    folders: tuple[Path, ...] = ()  # config folders, the first one first
    choices: dict[str, str] = field(default_factory=dict)  # group -> chosen option

    def of(self, dotted: str) -> str:
        """(…) for a message: where the value of a key comes from, or '' when nobody wrote it."""
        found = self.override(dotted) or self.line(dotted)
        return f" ({found})" if found else ""

    def override(self, dotted: str) -> str | None:
        """The override that set this key, else one of a key in it, else its nearest parent; of several the last."""
        keys = {text.split("=", 1)[0].strip().lstrip("+~"): text for text in self.overrides}
        within = [key for key in keys if key.startswith((f"{dotted}.", f"{dotted}["))]
        around = [key for key in keys if dotted.startswith((f"{key}.", f"{key}["))]
        found = [dotted] if dotted in keys else within[-1:] or sorted(around, key=len)[-1:]
        return self.describe(keys[found[0]]) if found else None

    def sets(self, dotted: str) -> bool:
        """Whether this very key was written for this job: by an override, by itself or in a mapping, or in a file.

        The files are those of `line`: of an option that stands within another one (tasks, stages) it is not its own.
        """
        for text in self.overrides:
            key, _, value = text.partition("=")
            key = key.strip().lstrip("+~")
            if dotted == key or (dotted.startswith(f"{key}.") and value.strip().startswith("{")):
                found: Any = OverridesParser.create().parse_override(text).value()
                for name in split_key(dotted)[len(split_key(key)) :]:
                    found = found.get(name, _ABSENT) if isinstance(found, dict) else _ABSENT
                if found is not _ABSENT:
                    return True
        return self.line(dotted) is not None

    def describe(self, text: str) -> str:
        """An override, and whether it was typed or swept by an experiment."""
        if text in self.swept:
            return f"{text}, from hydra.sweeper.params of the experiment"
        return f"command line: {text}"

    def line(self, dotted: str, config: str | None = None) -> str | None:
        """File and line of a key: in `config` (as experiment/quickstart), else in any file composed."""
        for name in [config] if config is not None else self._configs():
            for folder in self.folders:
                path = folder / f"{name}.yaml"
                number = _line(path, name, split_key(dotted)) if path.is_file() else None
                if number is not None:
                    return f"{shown(path)}, line {number}"
        return None

    def file(self, config: str) -> str:
        """The file of a config, for a message."""
        for folder in self.folders:
            if (folder / f"{config}.yaml").is_file():
                return shown(folder / f"{config}.yaml")
        return config

    def options(self, group: str) -> list[str]:
        """Every option of a group in every folder, as it is written in an override (`slots/english`)."""
        found = set()
        for folder in self.folders:
            root = folder / group
            found |= {str(p.relative_to(root).with_suffix("")) for p in root.rglob("*.yaml")}
        return sorted(found)

    def groups(self) -> list[str]:
        """Every group in every folder."""
        return sorted({p.name for folder in self.folders for p in folder.iterdir() if p.is_dir()})

    def _configs(self) -> Iterator[str]:
        """Names of the files of this composition, the one that wins first."""
        chosen = [(group, option) for group, option in self.choices.items() if not group.startswith("hydra/")]
        ranked = sorted(chosen, key=lambda pair: pair[0] != "experiment")
        yield from (f"{group}/{option}" for group, option in ranked if group == "experiment")
        yield "config"
        yield from (f"{group}/{option}" for group, option in ranked if group != "experiment")


def shown(path: Path) -> str:
    """A path as a person at this terminal would write it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _package(text: str, config: str) -> Key:
    """Where the content of a config file goes: its `# @package` header, else its group."""
    header = re.search(r"^\s*#\s*@package\s+(\S+)", text, flags=re.MULTILINE)
    group = tuple(config.split("/")[:-1])
    if header is None or header[1] == "_group_":
        return group
    return () if header[1] == "_global_" else tuple(header[1].split("."))


def _line(path: Path, config: str, key: Key) -> int | None:
    """The line of a key in a config file, or None."""
    text = path.read_text(encoding="utf-8")
    package = _package(text, config)
    if key[: len(package)] != package:
        return None
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return _descend(node, key[len(package) :])


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
