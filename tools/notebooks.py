"""Executes notebooks, each in a temporary folder: `python tools/notebooks.py [--write] examples/*.ipynb`.

--write saves the outputs in the notebook. Without it, only an error in a cell is reported. No Jupyter is needed.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any


def shown(value: Any, folder: str) -> dict[str, Any]:
    """The output of a cell whose last line has a value; paths in the working directory become relative."""
    data: dict[str, Any] = {"text/plain": repr(value).replace(folder, ".")}
    if hasattr(value, "savefig"):
        picture = io.BytesIO()
        value.savefig(picture, format="png", dpi=80)
        data["image/png"] = base64.b64encode(picture.getvalue()).decode()
    elif (html := getattr(value, "_repr_html_", None)) is not None:
        data["text/html"] = html().replace(folder, ".")
    return {"output_type": "display_data", "metadata": {}, "data": data}


def plain(text: str, folder: str) -> str:
    """What a cell printed, without lines of the log, which have a time, and without folders of the machine."""
    kept = [line for line in text.splitlines(keepends=True) if not re.match(r"\[\d{4}-", line)]
    return re.sub(r"\S*/xtreme_noise-\w+", "<temporary folder>", "".join(kept).replace(folder, "."))


def execute(notebook: dict[str, Any], folder: str) -> None:
    """Run the code cells in one namespace, and put their outputs in place. An error in a cell is raised."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        count += 1
        tree = ast.parse("".join(cell["source"]))
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            tree.body.pop()
        printed = io.StringIO()
        value = None
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, f"cell {count}", "exec"), namespace)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), f"cell {count}", "eval"), namespace)
        cell["outputs"] = []
        if text := plain(printed.getvalue(), folder):
            cell["outputs"].append({"output_type": "stream", "name": "stdout", "text": text})
        if value is not None:
            cell["outputs"].append(shown(value, folder))
        cell["execution_count"] = count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("notebooks", nargs="+", type=lambda text: Path(text).absolute())
    words = parser.parse_args()
    before = Path.cwd()
    for path in words.notebooks:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            try:
                execute(notebook, str(Path.cwd()))
            finally:
                os.chdir(before)
        if words.write:
            path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(f"{path.name}: executed", file=sys.stderr)


if __name__ == "__main__":
    main()
