"""Hydra's and OmegaConf's errors in plain words: what is wrong, where, and the nearest right name."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import yaml
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from xtreme_noise.config.keys import ambiguous, hints, kind, optional_parent, schema_at, unknown_key
from xtreme_noise.config.where import Sources, shown, split_key
from xtreme_noise.errors import ConfigError, Unusable, install, suggest

# Errors of composing that the user may have caused. ValueError: Hydra's own checks of groups.
# AssertionError: OmegaConf's, for a key in a mapping that is null.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError, AssertionError)

_LAUNCHERS = ("joblib", "submitit_local", "submitit_slurm")  # of the extra `launchers`


def explain(error: Exception, sources: Sources) -> ConfigError:
    """The ConfigError that explains a Hydra, OmegaConf or YAML error."""
    if isinstance(error, ConfigError):
        return error
    if isinstance(error, OverrideParseException):
        return _unparsable(error.override)
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark
        place = f" ({mark.name}, line {mark.line + 1})" if mark is not None else ""
        return ConfigError(f"not YAML: {error.problem}{place}")
    if isinstance(error, MissingConfigException):
        return _unknown_option(error, sources)
    if isinstance(error, AssertionError):
        return _in_nothing(error, sources)
    if isinstance(error, UnicodeDecodeError):
        return ConfigError(f"a config file is not UTF-8{_at(_not_utf8(sources))}: save it as UTF-8 ({error.reason})")
    return _by_text(error, sources)


def _in_nothing(error: AssertionError, sources: Sources) -> ConfigError:
    for text in sources.overrides:
        key = text.split("=", 1)[0].strip().lstrip("+~")
        if parent := optional_parent(key):
            return Unusable(f"{key} ({sources.describe(text)}): the chosen {key.split('.')[0]} has no {parent}")
    return ConfigError(f"a key within a mapping that is null: {error}")


def _unparsable(text: str) -> ConfigError:
    key, equals, value = text.partition("=")
    if not equals:
        return ConfigError(f"{text!r} is not an override: write key=value")
    if "=" in value:
        return ConfigError(
            f"{text!r}: a value with '=' must be quoted, and the quotes protected from the shell: '{key}=\"{value}\"'"
        )
    return ConfigError(
        f"{text!r} is not a valid override: a value with spaces, commas, brackets, colons, quotes, letters beyond a-z "
        f"must be quoted, and the quotes protected from the shell: '{key}=\"...\"'"
    )


def _unknown_option(error: MissingConfigException, sources: Sources) -> ConfigError:
    missing = error.missing_cfg_file
    if missing is None:
        return ConfigError(str(error).split("\n", 1)[0])
    hydra_own = missing.startswith("hydra/")
    group, _, option = missing.rpartition("/") if hydra_own else missing.partition("/")
    known = list(error.options or []) if hydra_own else sources.options(group)
    if not option:
        return ConfigError(f"there is no config file {missing!r}{suggest(missing, sources.options('.'), 'files')}")
    at = sources.override(group) or _default_of(error, group, sources)
    if group == "hydra/launcher" and option in _LAUNCHERS:
        return ConfigError(f"{group} {option!r}{_at(at)} needs a package that is missing: {install('launchers')}")
    if (group, option) == ("noise", "none"):
        return Unusable(f"unknown noise 'none'{_at(at)}: clean inputs only are noise.levels=[0]")
    kind, _, arm = option.partition("/")
    if group == "intermediate" and arm and kind in known:
        return Unusable(f"unknown intermediate {option!r}{_at(at)}: write intermediate={kind} intermediate.arm={arm}")
    return Unusable(f"unknown {group} {option!r}{_at(at)}{suggest(option, known, group + ' options', strictly=True)}")


def _not_utf8(sources: Sources) -> str | None:
    """The config file that cannot be read as UTF-8."""
    for path in (path for folder in sources.folders for path in sorted(folder.rglob("*.yaml"))):
        try:
            path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return shown(path)
    return None


def _default_of(error: Exception, group: str, sources: Sources) -> str | None:
    """The file and line that chose an option: of the experiment, or of the file that Hydra names."""
    named = re.match(r"In '([^']+)'", str(error))
    found = chosen_in(group, sources, *([named[1]] if named else []))
    return found or (f"defaults of {named[1]}" if named else None)


def chosen_in(group: str, sources: Sources, *configs: str) -> str | None:
    """The file and line of a defaults list that chooses an option: of the experiment, or of one of `configs`."""
    experiment = sources.choices.get("experiment")
    for config in ([f"experiment/{experiment}"] if experiment else []) + list(configs):
        path = sources.path(config)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path else (), 1):
            if path and re.match(rf"\s*-\s*(override\s+)?/?{re.escape(group)}\s*:", line):
                return f"{shown(path)}, line {number}"
    return None


def _by_text(error: Exception, sources: Sources) -> ConfigError:
    text = str(error)
    cause = error.__cause__
    full_key = re.search(r"full_key: *(\S+)", text) or re.search(r"full_key: *(\S+)", str(cause or ""))

    in_file = re.match(r"In '([^']+)': (\w+) raised while composing config:\n(.*)", text)
    if in_file is not None:
        key = full_key[1] if full_key else ""
        line = sources.line(key, config=in_file[1]) if key else None
        at = f" ({line or sources.file(in_file[1])})"
        if "KeyError" in in_file[2] or "AttributeError" in in_file[2]:
            return _no_such_key(key, at, sources)
        return _bad_value(key, in_file[3], at)

    if match := re.search(r"Could not override '([^']+)'\.", text):
        return _no_override(match[1], text, sources)
    if match := re.search(r"already at '([^']+)'", text):
        typed = sources.override(match[1])
        return ConfigError(f"{match[1]} has a value already{_at(typed)}: write it without +")
    if match := re.search(r"Multiple values for ([^\s.]+)\.|^(\S+) appears more than once in the final", text):
        group = match[1] or match[2]
        return ConfigError(
            f"two choices for the group {group!r}{_at(sources.override(group))}: on the command line write "
            f"{group}=name without +, in an experiment `- override /{group}: name`"
        )
    if match := re.search(r"force-add of config groups is not supported: '\+\+([^=']+)=?([^']*)'", text):
        plus = "" if schema_at((match[1],)) is not None else "+"
        return ConfigError(f"++{match[1]}={match[2]}: a group is chosen with {plus}{match[1]}={match[2]}")
    if match := re.search(r"Config group override must be a string or a list\. Got (\w+)", text):
        return _bad_choice(sources)
    if match := re.search(r"Ambiguous value for argument '([^']+)'|Sweep parameters '([^']+)' requires", text):
        return ambiguous(match[1] or match[2])
    if match := re.match(r"Error merging override (.*)", text):
        key = full_key[1] if full_key else match[1].split("=", 1)[0].lstrip("+~")
        if not sources.override(key):  # OmegaConf names a key inside a list or mapping without its parents
            key = match[1].split("=", 1)[0].lstrip("+~")
        if cause is not None and re.search(r"Key '[^']*' (not in|is not)", str(cause)):
            return _no_such_key(key, f" ({sources.describe(match[1])})", sources)
        return _bad_value(key, str(cause).split("\n", 1)[0], f" ({sources.describe(match[1])})")
    if match := re.search(r"has missing mandatory value: (\w+)", text):
        key = full_key[1].removesuffix(f".{match[1]}") if full_key else ""
        option = sources.choices.get(key)
        at = f" ({sources.file(f'{key}/{option}')})" if option else _at(sources.override(key))
        return ConfigError(f"{key}.{match[1]} is needed and not set{at}")
    if isinstance(error, OmegaConfBaseException) or isinstance(cause, OmegaConfBaseException):
        message = (str(error) or str(cause)).split("\n", 1)[0]
        return ConfigError(message + (sources.of(full_key[1]) or f" ({full_key[1]})" if full_key else ""))
    return ConfigError(text.split("\n\n", 1)[0].replace("\n", " ").strip() or type(error).__name__)


def _at(found: str | None) -> str:
    return f" ({found})" if found else ""


def _no_such_key(dotted: str, at: str, sources: Sources) -> ConfigError:
    """The error for a key that Hydra or OmegaConf refused: it names the first part that the schema lacks."""
    if dotted.split(".", 1)[0] == "hydra":
        return Unusable(f"Hydra has no key {dotted!r}{at}: xtreme-noise --cfg hydra shows those it has")
    parts = split_key(dotted)
    for depth in range(1, len(parts) + 1):
        if schema_at(parts[:depth]) is None:
            parent = schema_at(parts[: depth - 1])
            known = list(hints(parent)) if dataclasses.is_dataclass(parent) else []
            return unknown_key(".".join(map(str, parts[:depth])), known, at, sources.groups())
    if len(parts) > 2 and parts[:2] in (("intermediate", "stages"), ("intermediate", "tasks")):
        chosen = sources.choices.get("intermediate")
        of = f"intermediate={chosen}" if chosen else "one of the values of intermediate="
        return Unusable(
            f"{dotted!r}{at}: {of} has no {'stage' if parts[1] == 'stages' else 'task'} {parts[2]!r}. Options without "
            "one go into a command of their own, with the same sweep="
        )
    return Unusable(f"{dotted!r}{at}: this mapping has no such entry yet; to add one write +{dotted}=...")


def _no_override(key: str, text: str, sources: Sources) -> ConfigError:
    groups = sources.groups()
    named = re.match(r"In '([^']+)'", text)
    if named is not None:  # `override /modl: x` in the defaults list of a file
        place = _default_of(ConfigError(text), key, sources) or sources.file(named[1])
        return ConfigError(f"unknown group {key!r} ({place}){suggest(key, groups, 'groups')}")
    typed = sources.override(key)
    value = typed.partition("=")[2] if typed else "name"
    if key in groups and "defaults list" in text:
        return ConfigError(f"{key}={value}: nothing is chosen for {key!r} yet: write +{key}={value}")
    group, _, rest = key.partition("/")
    if rest and group in groups:
        return ConfigError(f"{key}={value}: write {group}={rest}/{value}")
    return _no_such_key(key, _at(typed), sources)


def _bad_value(dotted: str, problem: str, at: str) -> ConfigError:
    hint = schema_at(split_key(dotted))
    if not dotted:
        return ConfigError(f"a config file is a mapping of keys to values{at}")
    if hint is None or hint is Any:
        return ConfigError(f"{dotted}: {problem}{at}")
    value = re.match(r"Value '(.*)' of type|Value '(.*)' is not", problem)
    given = next((v for v in value.groups() if v is not None), None) if value else None
    return Unusable(f"{dotted} must be {kind(hint)}" + (f", not {given!r}{at}" if given is not None else at))


def _bad_choice(sources: Sources) -> ConfigError:
    """`model=null` or `model=3`: Hydra does not say which."""
    for text in sources.overrides:
        key, _, value = text.partition("=")
        if key.lstrip("+") in sources.groups() and re.fullmatch(r"null|true|false|[\d.]+|\{.*", value, re.IGNORECASE):
            return ConfigError(
                f"{text}: not the name of a {key.lstrip('+')}{suggest(value, sources.options(key), 'names')}"
            )
    return ConfigError("a group is chosen by the name of one of its options, or a list of names")
