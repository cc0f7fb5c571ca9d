"""The wheel: holds what the checkout holds, and works from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import program


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, built with the installed hatchling."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(repository)]
    subprocess.run(words, check=True, capture_output=True, timeout=300)
    [path] = folder.glob("*.whl")
    return path


def test_the_wheel_holds_every_file_of_the_package_and_the_configuration(wheel: Path, repository: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    package = [p for p in (repository / "xtreme_noise").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    conf = [p for p in (repository / "conf").rglob("*") if p.is_file()]
    assert len(conf) > 10
    expected = {str(p.relative_to(repository)) for p in package} | {
        f"xtreme_noise/{p.relative_to(repository)}" for p in conf
    }
    assert expected <= held, sorted(expected - held)
    assert not [name for name in held if name.startswith(("tests/", "benchmarks/", "multirun_outputs/"))]
    [metadata] = [name for name in held if name.endswith("METADATA")]
    assert "License-Expression: Apache-2.0" in zipfile.ZipFile(wheel).read(metadata).decode()
    assert any(name.endswith("licenses/LICENSE") for name in held)


def test_the_installed_wheel_works_from_another_folder(wheel: Path, workdir: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, timeout=300)
    environment = {**os.environ, "PYTHONPATH": str(target)}
    script = target / "bin" / "xtreme-noise"
    where = subprocess.run(
        [script, "--info", "searchpath"], cwd=workdir, env=environment, capture_output=True, text=True, timeout=300
    )
    assert str(target / "xtreme_noise" / "conf") in where.stdout, where.stderr
    wrong = program.run("+experiment=quickstrat", cwd=workdir, environment=environment)
    assert wrong.returncode == 2
    assert "did you mean 'quickstart'?" in wrong.stderr
    quickstart = ["mode=plan", "+experiment=quickstart", "model=tiny", "languages=[en,de]"]
    planned = program.run(*quickstart, cwd=workdir, environment=environment)
    assert planned.returncode == 0 and "intents" in planned.stdout, planned.stderr
    assert not (workdir / "multirun_outputs").exists()
