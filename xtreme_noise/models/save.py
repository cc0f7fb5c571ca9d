"""Saving a tokenizer so that other versions of transformers can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from xtreme_noise.store import write_atomic

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

CONFIG = "tokenizer_config.json"


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, directory: Path) -> None:
    """Write it so that AutoTokenizer of transformers 4 and 5 gives the same ids.

    transformers 5 writes class names that 4 does not have, or that make another tokenizer there. The class written here
    reads tokenizer.json in both versions; settings that are not in that file go to the config. A class of a
    checkpoint's own code is kept.
    """
    tokenizer.save_pretrained(directory)
    if not type(tokenizer).__module__.startswith("transformers."):
        return
    config = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
    config.pop("auto_map", None)  # of code that was not used
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    config["model_input_names"] = list(tokenizer.model_input_names)
    config["padding_side"] = tokenizer.padding_side
    if extra := config.pop("extra_special_tokens", None):
        config["additional_special_tokens"] = extra  # the name of the list in both versions
    write_atomic(directory / CONFIG, json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
