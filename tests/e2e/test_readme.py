"""Every command that the README and the docs show is one that the program understands."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from xtreme_noise.config import compose
from xtreme_noise.languages import LANGUAGES

pytestmark = pytest.mark.pictures

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def shown() -> list[tuple[str, str]]:
    """(page, arguments) of every `python -m xtreme_noise ...` and `xtreme-noise ...` line."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^\s*(?:python -m xtreme_noise|xtreme-noise) (.+?)\s*$", text, re.MULTILINE):
            arguments = line.split("  #")[0].strip()
            if "..." not in arguments and "<name>" not in arguments:
                found.append((page.name, arguments))
    return found


def sections(page: Path) -> set[str]:
    """The anchors of the headings of a page, which are the same on GitHub and on the site (for the headings here)."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    broken = [target for target in targets if target and "://" not in target and not (page.parent / target).exists()]
    assert not broken
    for target, section in re.findall(r"\]\(([^)\s#:]*)#([^)\s]+)\)", text):
        assert section in sections(page.parent / target if target else page), f"{target}#{section}"


def test_the_settings_are_options_that_exist() -> None:
    settings = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", settings, re.MULTILINE))
    groups = {"model", "task", "intermediate", "noise", "train_noise", "source", "tracker", "experiment"} & set(rows)
    assert len(groups) >= 5
    for group in groups:
        for option in re.findall(r"`([a-z0-9_/]+)(?:/\.\.\.)?`", rows[group].split("](")[0]):
            place = ROOT / "conf" / group / option
            assert place.is_dir() or place.with_suffix(".yaml").is_file(), f"{group}={option}"


def test_the_readme_shows_commands() -> None:
    assert sum(page == "README.md" for page, _ in shown()) >= 6


@pytest.mark.parametrize(("page", "arguments"), shown())
def test_the_command_is_understood(page: str, arguments: str, tmp_path: Path, workdir: Path) -> None:
    assert page
    # What the commands of docs/noise.md read.
    for parallel in ("xnli_noisy/test_typos_0.05.en.jsonl.gz", "multilexnorm2/train.nl.jsonl.gz"):
        (workdir / parallel).parent.mkdir()
        (workdir / parallel).touch()
    for code in LANGUAGES if "typos." in arguments else ():
        shutil.copy(ROOT / "tests/golden/tables/natural.path.tsv", workdir / f"typos.{code}.tsv")
    words = shlex.split(arguments)
    words = [re.sub(r"source\.root=\S+", f"source.root={tmp_path}", word) for word in words]
    if "mode=report" in words:
        return
    overrides = [word for word in words if not word.startswith("-")]
    study = compose.study(overrides, multirun="-m" in words)
    assert study.jobs
