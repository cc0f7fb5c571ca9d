"""No two systems of a study look the same, in any chart of the page and in any figure."""

from __future__ import annotations

import re
from importlib import metadata
from itertools import combinations, product
from pathlib import Path
from typing import Any

import altair
import numpy as np
import pytest
import vl_convert
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.unit.sweep_factory import Spec, make
from xtreme_noise.config.paths import STORE, conf_dir
from xtreme_noise.report import charts, figures, language_charts, predictions, scripts
from xtreme_noise.report.names import Names
from xtreme_noise.report.page import page
from xtreme_noise.report.panels import systems
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.styles import COLOURS, MARKERS, OTHER, OUTLINES, contrast, styles
from xtreme_noise.report.system import SIDES, System

pytestmark = pytest.mark.pictures


def many(sweep: Path) -> StudyResults:
    """Two models, two kinds of intermediate task, each without noise in training and with two kinds of it."""
    kinds = ("none", "nli/english", "nli/multilingual", "qa/english", "qa/multilingual", "mlm/seen")
    spec = Spec(
        intermediates=kinds, train_noises=("none", "char@0.05", "keyboard@0.05"), models=("e5_small", "xlmr_base"),
        languages=("en", "de"), noises=("char", "keyboard"), levels=(0.1,), items=20,
    )  # fmt: skip
    return read_study(make(sweep, spec))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "RESAMPLES", 19)
        return many(tmp_path_factory.mktemp("styles") / "s")


def test_arms_have_colours_of_their_own() -> None:
    arms, noises = ("none", "english", "multilingual"), ("", "char in training")
    every = [
        System(f"{kind}/{arm}{noise}", str(kind), arm, noise) for kind, noise, arm in product(range(40), noises, arms)
    ]
    found = styles(every)
    assert len(set(found.values())) == len(every) == 240
    first = [found[system] for system in every[:6]]
    assert {system.side for system in every[:6]} == set(SIDES)
    assert len({style.colour for style in first}) == 6
    assert len({style.marker for style in first}) == 6, "arms differ without colours, too"
    assert {style.marker for style in found.values()} <= set(MARKERS) == set(OUTLINES)
    assert all(re.fullmatch("#[0-9A-F]{6}", style.colour) for style in found.values())


# What the colours of light are to dichromats: Machado, Oliveira and Fernandes 2009, severity 1.
SEEN: dict[str, list[list[float]]] = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour: str, seen: list[list[float]]) -> Any:
    """CIE L*a*b* of a colour as #rrggbb, for an eye."""
    values = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(XYZ @ np.clip(np.array(seen) @ light, 1e-3, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", list(SEEN))
def test_colours_differ_for_every_eye(eye: str) -> None:
    """A difference of 10 in L*a*b* is clear at a glance; Okabe and Ito's own palette has 16."""
    for one, other in combinations([*COLOURS.values(), OTHER], 2):
        assert np.linalg.norm(lab(one, SEEN[eye]) - lab(other, SEEN[eye])) > 14, (one, other)


def test_colours_are_seen_on_white() -> None:
    systems = [System(f"{n}/{n}", str(n), f"arm{n}") for n in range(40)]
    many = styles([*systems, *(System(f"{n}/none", str(n), "none") for n in range(40))])
    assert all(contrast(style.colour) >= 3 for style in many.values()), "WCAG 2.2, 1.4.11"
    assert all(contrast(colour) >= 3 for colour in (*COLOURS.values(), OTHER))
    assert contrast("#000000") == pytest.approx(21) and contrast("#FFFFFF", "#000000") == pytest.approx(21)


def test_numbers_in_heat_maps_can_be_read(study: StudyResults) -> None:
    """Black to 0.74 of Vega's scheme "blues", white above it."""
    some = [place for place in study.places if place.model == "e5_small"]
    (layers,) = {id(one): one.spec["layer"] for one in language_charts.heat_charts(some)["char"][:1]}.values()
    (condition,) = (layer["encoding"]["color"] for layer in layers if "text" in layer["encoding"])
    assert (condition["condition"]["test"], condition["value"]) == ("datum.rate > 0.74", "#000000")
    assert contrast("#2A7AB9", "#000000") > 4.5 < contrast("#2A7AB9", "#FFFFFF")


def scales(spec: Any, channel: str) -> list[tuple[list[str], list[str]]]:
    """(domain, range) of every scale of a channel in a specification."""
    found = []
    if isinstance(spec, dict):
        own = spec.get("encoding", {}).get(channel, {}) if isinstance(spec.get("encoding"), dict) else {}
        if "domain" in own.get("scale", {}):
            found.append((own["scale"]["domain"], own["scale"]["range"]))
        for inner in spec.values():
            found += scales(inner, channel)
    elif isinstance(spec, list):
        for inner in spec:
            found += scales(inner, channel)
    return found


def test_charts_of_the_page(study: StudyResults) -> None:
    looks = styles(systems(study.cells))
    assert len(looks) == 18
    points = [point for point in study.points if point.panel.model == "e5_small"]
    places = [place for place in study.places if place.model == "e5_small"]
    main = [row for row in study.contrasts if row.main and row.measure == "drop_rate"]
    forest = charts.difference_chart(main, Names.of(study.cells), looks)
    assert forest is not None
    for chart, count in [
        *((one, 18) for one in charts.curve_charts(points, looks, Names.of(study.cells))),
        *((one, 18) for one in charts.harm_charts(places, looks)),
        (forest, 6),
    ]:
        colours, shapes = scales(chart.spec, "color"), scales(chart.spec, "shape")
        assert colours and shapes
        colour, shape = (dict(zip(*found[0], strict=True)) for found in (colours, shapes))
        assert len(colour) == count and colour.keys() == shape.keys()
        assert len({(colour[name], shape[name]) for name in colour}) == count
        assert all(found == colours[0] for found in colours), "one scale in all layers"


def test_specifications_are_vega_lites(study: StudyResults) -> None:
    """Altair refuses a property that Vega-Lite does not have, or with a wrong value."""
    places = [place for place in study.places if place.model == "e5_small"]
    points = [point for point in study.points if point.panel.model == "e5_small"]
    main = [row for row in study.contrasts if row.main]
    looks = styles(systems(study.cells))
    forest = charts.difference_chart(main, Names.of(study.cells), looks)
    assert forest is not None
    heat = language_charts.heat_charts(places)["char"][:1]
    for chart in (
        *charts.curve_charts(points, looks, Names.of(study.cells))[:1],
        *heat,
        *charts.harm_charts(places, looks)[:1],
        forest,
    ):
        altair.Chart.from_dict(chart.spec | {"datasets": {}})


def test_the_store_keeps_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is bundled once per version, and again if it is damaged; without a store, none is made."""
    made: list[str] = []

    def bundle(code: str) -> str:
        made.append(code)
        return "let it = '</script>';"

    monkeypatch.setattr(vl_convert, "javascript_bundle", bundle)
    store = tmp_path / "kept"
    monkeypatch.setenv("XTREME_NOISE_STORE", str(store))

    def library() -> str:
        scripts.vega_library.cache_clear()
        return scripts.vega_library()

    try:
        assert library() == "let it = '<\\/script>';" and len(made) == 1 and not store.exists()
        store.mkdir()
        assert library() == library() == "let it = '<\\/script>';" and len(made) == 2
        (kept,) = store.glob("vega/*/vega.js")
        kept.write_text("let it = 'x';")
        assert library() == "let it = '<\\/script>';" and len(made) == 3
        monkeypatch.setattr(metadata, "version", lambda _: "another")
        library()
        assert len(made) == 4
    finally:
        scripts.vega_library.cache_clear()


def test_the_default_store_is_that_of_the_configuration() -> None:
    text = (conf_dir() / "config.yaml").read_text(encoding="utf-8")
    assert f"store: ${{xn_env:XTREME_NOISE_STORE,{STORE}}}" in text


def test_legends_of_the_page(study: StudyResults) -> None:
    legends = re.findall(r'<ul class="legend".*?</ul>', page(study, "", "digest", []), flags=re.DOTALL)
    assert legends
    for legend in legends:
        signs = re.findall(r'<path d="([^"]+)" fill="([^"]+)"/></svg>([^<]+)</li>', legend)
        assert len(signs) == len({sign[:2] for sign in signs}) == len({sign[2] for sign in signs}) == 18


def test_figures(study: StudyResults, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Figure] = []

    def drawn(figure: Figure) -> dict[str, bytes]:
        made.append(figure)
        return {"png": b""}

    monkeypatch.setattr(figures, "_drawn", drawn)
    names = figures.figures(study)
    curves = [figure for name, figure in zip(names, made, strict=True) if name.startswith("curves")]
    assert len(curves) == 2
    for figure in curves:
        FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]  # the legend finds room
        for axes in figure.axes:
            lines = {(line.get_color(), line.get_marker()): line.get_label() for line in axes.get_lines()}
            assert len(lines) == len(axes.get_lines()) == 18
        [legend] = figure.legends
        assert len(legend.get_texts()) == 18
        assert min(axes.get_position().height for axes in figure.axes) > 0.3


def test_a_system_that_only_one_noise_family_has_is_in_the_legend(tmp_path: Path) -> None:
    def skip(row: dict[str, Any]) -> bool:
        return bool(row["intermediate"] == "nli/english" and row["noise"] == "char")

    spec = Spec(languages=("en",), noises=("char", "keyboard"), levels=(0.1,), items=10, skip=skip)
    study = read_study(make(tmp_path / "s", spec), resample=False)
    looks = styles(systems(study.cells))
    own = [point for point in study.points if (point.system.intermediate, point.panel.noise) != ("nli/english", "char")]
    figure = figures._curves(own, Names.of(study.cells), looks)
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"none", "nli/english", "nli/multilingual"}


def test_names_that_make_one_file_name_keep_both_figures(tmp_path: Path) -> None:
    spec = Spec(
        tasks={"a/b": "qa", "a-b": "qa", "é": "qa", "è": "qa"}, languages=("en",), intermediates=("none",),
        noises=("char",), levels=(0.1,), items=5,
    )  # fmt: skip
    made = figures.figures(read_study(make(tmp_path / "s", spec), resample=False))
    assert len([name for name in made if name.startswith("curves") and name.endswith(".svg")]) == 4
