"""What mode=plan has counted, kept in the store: the next plan of the same data and model needs no tokenizer."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xtreme_noise.errors import UserError
from xtreme_noise.store import Store, write_atomic

COUNTED_VERSION = 1  # raise it when the same data are counted in another way
FILE = "counted.json"


def counted(store: Store, what: dict[str, Any], count: Callable[[], tuple[Any, bool]]) -> Any:
    """What `count` gave for the data and model that `what` identifies: JSON, and whether it is to be kept."""
    key = {"counted": COUNTED_VERSION, **what}
    if (path := store.peek("counted", key, FILE)) is not None:
        return json.loads(path.read_text(encoding="utf-8"))
    found, final = count()

    def write(directory: Path) -> None:
        write_atomic(directory / FILE, json.dumps(found))

    if final:
        with contextlib.suppress(UserError):  # a store that cannot be written: it is counted again next time
            store.build("counted", key, write, (FILE,))
    return found
