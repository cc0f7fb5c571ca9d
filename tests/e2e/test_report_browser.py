"""The report in a real browser: every chart is drawn, and nothing complains."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.sweep_factory import Spec, accidents, make
from xtreme_noise import report

pytestmark = pytest.mark.pictures

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=30000"
).split()


@pytest.fixture(scope="module")
def browser() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium here")
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = Spec(items=40, languages=("en", "ar", "hi", "zh"), status=accidents)
    return report.write(make(tmp_path_factory.mktemp("browser") / "sweep", spec))


def dump(browser: str, page: Path, width: int, tmp_path: Path) -> tuple[str, str]:
    """The page's elements after its script, and the browser's log."""
    command = [browser, *FLAGS, f"--window-size={width},900", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=240, check=False)
    return done.stdout, done.stderr


def test_charts_are_drawn_and_nothing_complains(browser: str, page: Path, tmp_path: Path) -> None:
    dom, log = dump(browser, page, 1440, tmp_path)
    charts = dom.count('data-chart="')
    assert 'data-charts="done"' in dom
    assert charts == 2 + 1 + 6 + 2  # curves, forest plot, heat maps, scatter plots
    assert dom.count('data-drawn="yes"') == charts
    assert dom.count("<svg") >= charts
    assert re.findall(r".*CONSOLE.*", log) == []  # neither errors nor warnings nor refused scripts


def test_a_narrow_screen_says_which_tables_scroll(browser: str, page: Path, tmp_path: Path) -> None:
    """Those that are wider than the screen, and no other."""
    dom, _ = dump(browser, page, 420, tmp_path)
    found = {label: wide for wide, label in re.findall(r'class="scroll( wider)?"[^>]*aria-label="([^"]*)"', dom)}
    assert found["Primary comparisons, mean over noise families and levels"] == " wider"
    assert found["Software the jobs ran with"] == ""
