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


def test_charts_are_drawn_and_nothing_complains(browser: str, tmp_path: Path) -> None:
    page = report.write(make(tmp_path / "sweep", Spec(items=40, languages=("en", "ar", "hi", "zh"), status=accidents)))
    command = [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    dom = done.stdout
    charts = dom.count('data-chart="')
    assert 'data-charts="done"' in dom
    assert charts == 2 + 1 + 6 + 2  # curves, forest plot, heat maps, scatter plots
    assert dom.count('data-drawn="yes"') == charts
    assert dom.count("<svg") >= charts
    assert re.findall(r".*CONSOLE.*", done.stderr) == []  # neither errors nor warnings nor refused scripts
