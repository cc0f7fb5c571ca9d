"""What CONTRIBUTING.md says about a new noise family, done: one module and one option, and nothing else is edited."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.contract import check_text, check_tokens
from xtreme_noise import cli, parts
from xtreme_noise.noise import families as names
from xtreme_noise.noise import registry

NAME = "stretch"
TEXTS = {
    "en": "It was the best of times, it was the worst of times.",
    "hi": "मेरे दोस्त ने कल बाज़ार से ताज़े फल ख़रीदे।",
    "ko": "오늘은 날씨가 좋아서 친구와 공원을 걸었습니다.",
    "ar": "نص حكيم له سر قاطع وذو شأن عظيم",
}


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The module and the option as the page shows them, in folders of their own."""
    page = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"^    ```(\w+)\n(.*?)^    ```$", page, re.MULTILINE | re.DOTALL))
    for kind, path in (("python", tmp_path / "families" / NAME), ("yaml", tmp_path / "conf/noise" / NAME)):
        path.parent.mkdir(parents=True)
        path.with_suffix({"python": ".py", "yaml": ".yaml"}[kind]).write_text(dedent(blocks[kind]), encoding="utf-8")
    package = importlib.import_module("xtreme_noise.noise.families")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "families")])
    parts.forget()
    yield tmp_path / "conf"
    parts.forget()
    sys.modules.pop(f"{package.__name__}.{NAME}", None)


@pytest.mark.usefixtures("workdir")
def test_the_family_of_the_page(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert NAME in names()
    perturber = registry.family_class(NAME)(registry.checked_parameters(NAME, {}))
    assert perturber.signature == "stretch/v1"
    for code, text in TEXTS.items():
        for level in (0.05, 0.2, 1.0):
            noised = check_text(perturber, text, level, "x", code)
            assert noised.edits or level < 0.1
            check_tokens(perturber, text.split(), level, "x", code)
    command = ["mode=preview", "task=intents", "language=de", f"noise={NAME}", "noise.level=0.2"]
    assert cli.main([*command, f"--config-dir={conf}"]) == 0
    assert "{+" in capsys.readouterr().out
    assert cli.main([*command, f"--config-dir={conf}", f"noise.families.{NAME}.tmes=2"]) == 2
    assert "did you mean 'times'" in capsys.readouterr().err
