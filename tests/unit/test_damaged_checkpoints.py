"""A damaged checkpoint: the error names the file, whichever it is and whoever finds it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoModel

from tests.unit.tiny_modules import TINY
from xtreme_noise import cli, models
from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.errors import ModelUnavailable
from xtreme_noise.models import intact

Damage = Callable[[bytes], bytes]
DAMAGES: dict[str, Damage] = {
    "empty": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "noise": lambda _: b"\xff\xfe\x00",
    "pointer": lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n",
    "list": lambda _: b"[]",
}


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    found = tmp_path / "model"
    shutil.copytree(tiny, found)
    (found / "special_tokens_map.json").write_text(json.dumps({"bos_token": "<s>"}))
    return found


def local(folder: Path) -> ModelConfig:
    return ModelConfig(name="local", loader="hub", path=str(folder))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "model.safetensors"]
)
def test_the_file_is_named(name: str, damage: str, folder: Path) -> None:
    file = folder / name
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    words = rf"^{file} cannot be read: .*" + ("git lfs pull" if damage == "pointer" else "")
    with pytest.raises(ModelUnavailable, match=words):
        models.identity(local(folder), offline=True)
    with pytest.raises(ModelUnavailable, match=words):
        models.load_tokenizer(folder)
        models.load_model(AutoModel, folder, TINY)


@pytest.mark.parametrize(("name", "content"), [(intact.INDEX, "{}"), ("tokenizer.json", '{"version": "1.0"}')])
def test_what_it_must_hold(name: str, content: str, folder: Path) -> None:
    (folder / name).write_text(content)
    with pytest.raises(ModelUnavailable, match=rf"{folder / name} cannot be read: it is not a JSON object with '\w+'"):
        models.identity(local(folder), offline=True)


def test_weights_in_several_files(folder: Path) -> None:
    whole = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    whole.save_pretrained(folder, max_shard_size="1MB")
    models.identity(local(folder), offline=True)
    first, second = sorted(folder.glob("model-*.safetensors"))[:2]
    first.write_bytes(first.read_bytes()[:-1])
    for find in (
        lambda: models.identity(local(folder), offline=True),
        lambda: models.load_model(AutoModel, folder, TINY),
    ):
        with pytest.raises(ModelUnavailable, match=f"{first} cannot be read"):
            find()
    shutil.copy(second, first)
    second.unlink()
    with pytest.raises(ModelUnavailable, match=f"{second} is missing, a part of the weights"):
        models.identity(local(folder), offline=True)


@pytest.mark.usefixtures("workdir")
def test_a_command_ends_before_anything(folder: Path, store_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tokenizer.json").write_text("")
    options = ["task=intents", "model=tiny", "model.loader=hub", f"model.path={folder}", "model.parameters={}"]
    assert cli.main([*options, "languages=[de]", "noise.levels=[0]", "task.size.train=8", "task.size.test=8"]) > 0
    said = capsys.readouterr()
    assert f"{folder / 'tokenizer.json'} cannot be read: it is empty" in said.err and "Traceback" not in said.err
    assert not (store_path / "stages").exists()
