"""The scripts of the page: the library that draws its charts, escaping, and what a browser may run."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import vl_convert

from xtreme_noise.config.paths import STORE, from_environment
from xtreme_noise.errors import UserError
from xtreme_noise.store import Store, write_atomic

LIBRARY = "vega.js"


@cache
def vega_library() -> str:
    """Vega, Vega-Lite and vega-embed in one script. Bundling takes seconds: the store keeps it, if there is one."""
    root = Path(from_environment("XTREME_NOISE_STORE") or STORE)
    if root.is_dir():
        with contextlib.suppress(UserError):  # a read-only store without it
            kept = Store(root).build(
                "vega", {"vl_convert": metadata.version("vl-convert-python")}, _keep_library, (LIBRARY,)
            )
            return (kept / LIBRARY).read_text(encoding="utf-8")
    return _library()


def _keep_library(folder: Path) -> None:
    write_atomic(folder / LIBRARY, _library())


def _library() -> str:
    return _for_script(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _for_script(code: str) -> str:
    """JavaScript escaped so that it cannot end its script element."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def json_for_script(value: Any) -> str:
    """JSON for a data block, escaped so that it cannot end the element or start a comment."""
    code = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return code.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def policy(scripts: Iterable[str]) -> str:
    """Content security policy: no network, and only the page's own two scripts."""
    digests = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"
