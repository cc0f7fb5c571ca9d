"""What lies around the program: metadata, constraints, workflows, the container and the site agree with each other."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import xtreme_noise

tomllib = pytest.importorskip("tomllib")  # Python >= 3.11, as tools/constraints.py


@pytest.fixture
def project(repository: Path) -> dict[str, Any]:
    """The table `project` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def test_the_citation_is_that_of_the_package(repository: Path, project: dict[str, Any]) -> None:
    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["version"] == xtreme_noise.__version__
    assert citation["cff-version"] == "1.2.0" and citation["message"] and citation["title"]
    assert {name: citation[name] for name in ("version", "license", "authors")} == {
        name: project[name] for name in ("version", "license", "authors")
    }
    assert set(citation["keywords"]) <= set(project["keywords"])


def test_every_direct_dependency_is_pinned(repository: Path, project: dict[str, Any]) -> None:
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()[1:]
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines}
    assert lines == sorted(lines, key=lambda line: line.partition("==")[0]) and len(lines) == len(pinned)
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    direct = {canonicalize_name(Requirement(one).name) for one in [*project["dependencies"], *extras]}
    assert direct - pinned == {"xtreme-noise"}


@pytest.mark.parametrize(
    ("needs", "marker"),
    [
        (None, ""),
        (">=3.9", ""),
        (">=3.10.0", ""),
        (">=3.11", ' ; python_version >= "3.11"'),
        (">=3.11.0,<3.15", ' ; python_version >= "3.11"'),
        (">=3.11.5", ' ; python_full_version >= "3.11.5"'),
        ("<4", ""),
    ],
)
def test_a_package_for_newer_pythons_is_pinned_for_them_only(needs: str | None, marker: str) -> None:
    from tools import constraints

    assert constraints.marker(needs, "3.10") == marker


def test_hashes_are_asked_for_everything_but_torch(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tools import constraints

    asked: list[tuple[list[str], str]] = []

    def run(command: list[str], cwd: Path, check: bool) -> subprocess.CompletedProcess[str]:
        assert cwd == repository and not check
        asked.append((command[3:], Path(command[command.index("--override") + 1]).read_text()))
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SystemExit) as ended:
        constraints.print_hashes()
    assert ended.value.code == 3
    [(words, override)] = asked
    assert words[:2] == ["pip", "compile"] and words[-1] == "pyproject.toml" and "--generate-hashes" in words
    assert words[words.index("--python-version") + 1] == "3.10"
    assert words[words.index("--constraint") + 1] == "constraints.txt"
    left_out = Requirement(override.strip())
    assert left_out.name == "torch" and left_out.marker is not None and not left_out.marker.evaluate()


def test_actions_are_pinned_and_may_only_read(repository: Path) -> None:
    for path in (repository / ".github/workflows").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {"contents": "read"}
        used = re.findall(r"uses: (\S+)(.*)", text)
        assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action, _ in used), path
        assert all(re.fullmatch(r"  # v\d+\.\d+\.\d+", comment) for _, comment in used), path
        for job in workflow["jobs"].values():
            assert job["timeout-minutes"] and "permissions" not in job


def test_every_supported_python_is_tested_and_must_pass(repository: Path, project: dict[str, Any]) -> None:
    workflow = yaml.safe_load((repository / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    jobs = workflow["jobs"]["tests"]["strategy"]["matrix"]["include"]
    must = {job["python"] for job in jobs if not job.get("may_fail")}
    assert must == {one.rpartition(" ")[2] for one in project["classifiers"] if re.search(r"3\.\d+$", one)}
    assert min(must, key=lambda one: int(one.split(".")[1])) == project["requires-python"].removeprefix(">=")


def test_the_container_gets_what_it_copies_and_is_no_root(repository: Path) -> None:
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (.+) /source", text, re.MULTILINE) for name in line.split()}
    sent = {line[1:] for line in (repository / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == sent and all((repository / name).exists() for name in copied)
    assert text.index("\nUSER study") < text.index("\nENTRYPOINT")


def test_the_site_has_every_page(repository: Path) -> None:
    def pages(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [page for value in (entry.values() if isinstance(entry, dict) else entry) for page in pages(value)]

    site = yaml.safe_load((repository / "mkdocs.yml").read_text(encoding="utf-8"))
    there = [
        path.relative_to(repository).as_posix() for path in [*repository.glob("*.md"), *repository.glob("docs/*.md")]
    ]
    assert sorted(pages(site["nav"])) == sorted([*there, "api.md"])


def test_the_python_interface_exists(repository: Path) -> None:
    """Read, not imported: a module may load torch."""
    named = re.findall(r"^::: (\S+)$", (repository / "tools/site/api.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(named) > 8
    for name in named:
        module, _, part = name.rpartition(".")
        place = repository / module.replace(".", "/")
        if not (place / f"{part}.py").is_file():  # else it is a module as a whole
            source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
            assert re.search(rf"^(?:class|def) {part}\b", source.read_text(encoding="utf-8"), re.MULTILINE), name


def test_what_security_md_names_exists(repository: Path) -> None:
    rows = re.findall(
        r"^\| .+ \| .+ \| (.+) \|$", (repository / "SECURITY.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    named = [re.findall(r"`([^`]+)`", row) for row in rows if "`" in row]
    assert len(named) > 8
    for first, *others in named:
        for path in (Path(first), *(Path(other) if "/" in other else Path(first).parent / other for other in others)):
            assert (repository / path).is_file(), path
