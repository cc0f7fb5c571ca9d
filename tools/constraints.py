"""Write constraints.txt: the exact versions of this environment that the project and its dev extra need.

    .venv/bin/python tools/constraints.py > constraints.txt

A package that needs a newer Python than the project does is pinned for those Pythons only; on older ones
pyproject.toml decides.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import tomllib
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def closure(requirements: list[str], own_extras: dict[str, list[str]]) -> dict[str, str]:
    """Installed versions, by name, of all direct and indirect dependencies of these requirements."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(Requirement(text), "") for text in requirements]
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name == "xtreme-noise":
            todo += [(Requirement(text), "") for group in requirement.extras for text in own_extras[group]]
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            sys.exit(f"{requirement} is not installed here")
        versions[name] = Version(installed.version).public  # 2.13.0+cpu and 2.13.0 are the same release
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                todo += [(Requirement(text), extra) for text in installed.requires or []]
    return versions


def main() -> None:
    """Print the constraints, sorted by name."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    oldest = re.sub(r"[^\d.]", "", project["requires-python"])
    versions = closure([*project["dependencies"], "xtreme-noise[dev]"], extras)
    running = ".".join(map(str, sys.version_info[:2]))
    print(f"# Versions this project is tested with: tools/constraints.py, run on Python {running}")
    for name, version in sorted(versions.items()):
        needs = distribution(name).metadata["Requires-Python"]
        newer = needs is not None and oldest not in SpecifierSet(needs)
        floor = re.search(r">=?\s*(3\.\d+)", needs or "")
        marker = f' ; python_version >= "{floor[1]}"' if newer and floor else ""
        print(f"{name}=={version}{marker}")


if __name__ == "__main__":
    main()
