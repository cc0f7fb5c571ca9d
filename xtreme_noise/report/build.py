"""From a sweep folder to its report files."""

from __future__ import annotations

import logging
from pathlib import Path

from xtreme_noise.report import files
from xtreme_noise.report.study import read_study
from xtreme_noise.report.tables import tables

log = logging.getLogger(__name__)


def build(sweep: Path) -> Path:
    """Write everything, or nothing when it is there already; the path of report.html."""
    digest = files.inputs_digest(sweep)
    target = sweep / files.REPORT
    if files.is_current(sweep, digest):
        log.info("the report is up to date: %s", target)
        return target
    from xtreme_noise.report.figures import figures
    from xtreme_noise.report.page import page, vega_library

    study = read_study(sweep)
    outputs = {f"tables/{name}": text.encode() for name, text in tables(study).items()}
    outputs |= {f"figures/{name}": content for name, content in figures(study).items()}
    outputs[files.REPORT] = page(study, vega_library(), digest, sorted(outputs)).encode()
    files.write_outputs(sweep, outputs, digest)
    return target
