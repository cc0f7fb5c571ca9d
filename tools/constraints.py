"""Write constraints.txt: the exact versions of this environment that the project and its dev extra need.

    .venv/bin/python tools/constraints.py > constraints.txt
    .venv/bin/python tools/constraints.py --hashes > dist/requirements-hashes.txt

A package that needs a newer Python than the project does is pinned for those Pythons only; on older ones
pyproject.toml decides.

With --hashes: the packages that a study needs (no extras) on every supported Python and platform, in the versions of
constraints.txt, with the sha256 of every file of each version, for `pip install --no-deps --require-hashes -r`. torch
and what it alone needs are left out, because the right build depends on the machine. uv asks the package index.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import tomllib
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
NEVER = 'torch ; python_version < "3"'  # a requirement that no supported Python has: torch is left out


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


def marker(needs: str | None, oldest: str) -> str:
    """The marker of a package that needs a newer Python than the project does; else nothing.

    needs: its Requires-Python; oldest: the oldest Python of the project, such as 3.10.
    """
    floor = re.search(r">=?\s*(3\.\d+(?:\.[1-9]\d*)?)", needs or "")
    if needs is None or floor is None or oldest in SpecifierSet(needs):
        return ""
    variable = "python_version" if floor[1].count(".") == 1 else "python_full_version"
    return f' ; {variable} >= "{floor[1]}"'


def print_hashes() -> None:
    """Print the requirements with hashes. Ends with uv's message and exit code if they cannot be resolved."""
    oldest = SpecifierSet(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["requires-python"])
    [floor] = [one.version for one in oldest]
    words = ["pip", "compile", "--no-config", "--universal", "--python-version", floor, "--no-python-downloads"]
    words += ["--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--constraint", "constraints.txt"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as overrides:
        print(NEVER, file=overrides, flush=True)
        command = [sys.executable, "-m", "uv", *words, "--override", overrides.name, PROJECT.name]
        done = subprocess.run(command, cwd=PROJECT.parent, check=False)
    sys.exit(done.returncode)


def main() -> None:
    """Print the constraints, sorted by name."""
    if sys.argv[1:] == ["--hashes"]:
        print_hashes()
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    oldest = re.sub(r"[^\d.]", "", project["requires-python"])
    versions = closure([*project["dependencies"], "xtreme-noise[dev]"], extras)
    running = ".".join(map(str, sys.version_info[:2]))
    print(f"# Versions this project is tested with: tools/constraints.py, run on Python {running}")
    for name, version in sorted(versions.items()):
        print(f"{name}=={version}{marker(distribution(name).metadata['Requires-Python'], oldest)}")


if __name__ == "__main__":
    main()
