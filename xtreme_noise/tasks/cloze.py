"""id, prompt with one gap, subject (absent when it is not known), choices that may fill the gap, label (the number of
the right one, from 0). No training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtreme_noise.analysis import chance
from xtreme_noise.errors import DataError
from xtreme_noise.tasks.base import NoiseField, Row, TaskFamily
from xtreme_noise.tasks.rows import text_of

GAP = "<mask>"  # in a prompt, whatever the mask token of the model


class Cloze(TaskFamily):
    name = "cloze"
    module = "xtreme_noise.modules.cloze:ClozeModule"
    noise_fields = {  # noqa: RUF012
        "prompt": NoiseField(("prompt",), "prompt"), "subject": NoiseField(("prompt",), "prompt_subject"),
        "template": NoiseField(("prompt",), "prompt_template"),
    }  # fmt: skip
    metrics = ("accuracy",)
    guessed = ("accuracy",)
    predictions_file = "choices"
    identity = ("prompt",)
    vectors = class_scores = True

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        del labels
        prompt, choices, answer = text_of(row, "prompt", where), row.get("choices"), text_of(row, "answer", where)
        if prompt.count(GAP) != 1:
            raise DataError(f"{where}: the prompt {prompt!r:.200} must contain {GAP} once")
        if not isinstance(choices, list) or len(choices) < 2:
            raise DataError(f"{where}: expected a list of at least two choices, got {choices!r:.200}")
        if not all(isinstance(choice, str) and choice.strip() for choice in choices):
            raise DataError(f"{where}: a choice is not text, or is empty: {choices!r:.200}")
        if choices.count(answer) != 1:
            raise DataError(f"{where}: the answer {answer!r:.80} must be one of the choices, once: {choices!r:.200}")
        example: Row = {"prompt": prompt, "choices": choices, "label": choices.index(answer)}
        if "subject" in row:
            example["subject"] = text_of(row, "subject", where)
            if example["subject"] not in prompt:
                raise DataError(f"{where}: the subject {example['subject']!r:.80} is not in the prompt {prompt!r:.200}")
        return example

    def guess(self, metric: str, table: Mapping[str, Sequence[Any]]) -> float | None:
        """One of the choices."""
        del metric
        return chance.blind(table["choices"])


family = Cloze()
