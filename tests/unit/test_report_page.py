"""How the page is built: order, headings, labels, tables that fold, noise that changes labels."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.unit.sweep_factory import Spec, accidents, make
from xtreme_noise import report
from xtreme_noise.report import figures, predictions, styles
from xtreme_noise.report import page as pages
from xtreme_noise.report.charts import curve_charts, difference_chart
from xtreme_noise.report.headline import _some, headline
from xtreme_noise.report.names import Names
from xtreme_noise.report.page import _template, page
from xtreme_noise.report.panels import systems
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.views import TableCell, TableView

pytestmark = pytest.mark.pictures

TEMPLATES = Path(report.__file__).parent / "templates"
VOID = {"meta", "br", "img", "input", "link", "hr"}
DRAWN = {"path", "line"}  # in SVG, closed in their own tag
ORDER = ["problems", "curves", "difference", "heat", "harm", "arms", "leaderboard", "gains", "robustness", "scores",
         "xtreme-r", "complete", "samples", "measures", "reproduce", "signatures"]  # fmt: skip
Element = tuple[str, dict[str, str]]


class Tree(HTMLParser):
    """Every element of a page in order, with its ancestors, and its text; a tag that is not closed in order fails."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[Element, tuple[Element, ...]]] = []
        self.text: dict[int, str] = {}
        self._open: list[tuple[int, Element]] = []
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = tag, {name: value or "" for name, value in attrs}
        self.elements.append((element, tuple(one for _, one in self._open)))
        if tag not in VOID:
            self._open.append((len(self.elements) - 1, element))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in DRAWN
        self.elements.append(((tag, {name: value or "" for name, value in attrs}), tuple(o for _, o in self._open)))

    def handle_endtag(self, tag: str) -> None:
        _, (opened, _) = self._open.pop()
        assert opened == tag

    def handle_data(self, data: str) -> None:
        for at, _ in self._open:
            self.text[at] = self.text.get(at, "") + data

    def all(self, *tags: str) -> list[tuple[int, dict[str, str], tuple[Element, ...]]]:
        """(position, attributes, ancestors) of the elements with these tags."""
        return [(at, own, above) for at, ((tag, own), above) in enumerate(self.elements) if tag in tags]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    """Failures, gaps, noise in training, one noise family that may change labels, and hostile text everywhere."""
    spec = Spec(
        tasks={"xnli": "classification", "udpos": "tagging"}, languages=("en", "de", "ar", "hi", "th", "zh"),
        intermediates=("none", "nli/english", "nli/multilingual"), train_noises=("none", "char@0.05"),
        noises=("keyboard", "word"), changing=("word",), levels=(0.1, 0.2), items=12, status=accidents,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "RESAMPLES", 19)
        return read_study(make(tmp_path_factory.mktemp("page") / "s", spec))


@pytest.fixture(scope="module")
def html(study: StudyResults) -> str:
    return page(study, "", "digest", ["tables/cells.csv"])


@pytest.fixture(scope="module")
def tree(html: str) -> Tree:
    return Tree(html)


def test_the_answer_then_figures_then_tables(tree: Tree) -> None:
    at = {own["id"]: place for place, own, _ in tree.all("section") if "id" in own}
    assert list(at) == ORDER
    [answer] = [place for place, own, _ in tree.all("section") if own.get("class") == "answer"]
    charts = [place for place, own, _ in tree.all("div") if "data-chart" in own]
    tables = [place for place, _, _ in tree.all("table")]
    assert at["problems"] < answer < at["curves"] < min(charts)
    assert at["arms"] < min(tables)
    assert all(charts[0] <= at[a] < at[b] for a, b in pairwise(["difference", "heat", "harm", "arms"]))


def test_headings_leave_no_level_out(tree: Tree) -> None:
    levels = [int(tree.elements[place][0][0][1]) for place, _, _ in tree.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1 and levels.count(1) == 1 and len(levels) > 20
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_what_is_referred_to_is_there(tree: Tree) -> None:
    every = [own for (_, own), _ in tree.elements]
    ids = [own["id"] for own in every if "id" in own]
    assert len(ids) == len(set(ids))
    assert {own["aria-labelledby"] for own in every if "aria-labelledby" in own} <= set(ids)
    assert {own["href"][1:] for own in every if own.get("href", "").startswith("#")} <= set(ids)


def test_every_table_says_what_it_is_and_scrolls_by_keyboard(tree: Tree) -> None:
    tables = tree.all("table")
    captions = [tree.text[place].strip() for place, _, above in tree.all("caption") if above[-1][0] == "table"]
    assert len(captions) == len(tables) > 20 and all(captions)
    for _, _, above in tables:
        tag, box = above[-1]
        assert tag == "div" and box["class"] == "scroll" and box["tabindex"] == "0" and box["role"] == "region"
        assert box["aria-label"]
    for _, own, above in tree.all("th"):
        part = above[-2][0]
        assert own["scope"] in ("col", "colgroup") if part == "thead" else own["scope"] == "row"
    for place, _, above in tree.all("tr"):
        if above[-1][0] != "thead":
            assert tree.elements[place + 1][0][0] == "th", "a row starts with its heading"


def test_every_figure_has_a_caption_and_its_numbers_in_words(tree: Tree) -> None:
    charts = [(own, above) for _, own, above in tree.all("div") if "data-chart" in own]
    assert len(charts) == len(tree.all("figure")) == len(tree.all("figcaption")) > 10
    for own, above in charts:
        assert own["role"] == "img" and len(own["aria-label"]) > 40 and above[-1][0] == "figure"
    assert all(tree.text[place].strip() for place, _, _ in tree.all("figcaption"))
    assert all(own.get("aria-hidden") == "true" for _, own, _ in tree.all("svg"))


def test_what_is_folded_opens_by_keyboard(tree: Tree) -> None:
    folded = tree.all("details")
    assert folded
    for place, _, _ in folded:
        assert tree.elements[place + 1][0][0] == "summary" and tree.text[place + 1].strip()
    assert {own["tabindex"] for (_, own), _ in tree.elements if "tabindex" in own} == {"0"}


def test_languages_are_named(tree: Tree) -> None:
    assert tree.elements[0][0] == ("html", {"lang": "en"})
    texts = [own for _, own, _ in tree.all("td") if "lang" in own]
    assert {own["lang"] for own in texts} == {"en", "de", "ar", "hi", "zh"}
    assert {own["dir"] for own in texts} == {"auto"}


def grid(columns: int, rows: int, fold: bool | None = None) -> TableView:
    body = [[TableCell("a")] * columns for _ in range(rows)]
    return TableView("Caption", [[("all", columns)], [("b", 1)] * columns], body, fold=fold)


def test_a_wide_or_long_table_folds() -> None:
    assert [grid(columns, 2).folded for columns in (12, 13)] == [False, True]
    assert [grid(2, rows).folded for rows in (16, 17)] == [False, True]
    assert grid(2, 2, fold=True).folded and not grid(20, 20, fold=False).folded


def test_a_folded_table_says_what_is_in_it() -> None:
    shown = _template().environment.from_string('{% from "macros.html.j2" import table %}{{ table(view) }}')
    assert "<details" not in shown.render(view=grid(12, 2))
    folded = shown.render(view=grid(13, 1))
    assert '<details class="printed"><summary>Caption <small>(1 row, 13 columns)</small></summary>' in folded
    assert "<span>Caption</span>" in folded, "and its caption, for screen readers"


def test_noise_that_changes_labels_is_marked(study: StudyResults, html: str, tree: Tree) -> None:
    names = Names.of(study.cells)
    assert names.changing == {"word"} and (names.noise("word"), names.noise("keyboard")) == ("word‡", "keyboard")
    captions = {
        tree.text[place].split(":")[0] for place, _, _ in tree.all("figcaption") if " noise:" in tree.text[place]
    }
    assert captions == {"word‡ noise", "keyboard noise"}
    heads = {
        tree.text[place]
        for place, own, _ in tree.all("th")
        if own["scope"] in ("col", "colgroup") and place in tree.text
    }
    assert "word‡" in heads and "word" not in heads
    assert (
        html.count("‡ Noise that may change the right answer (word)") == 6
    )  # curves, differences, maps, arms, gains, scores
    assert "of which word may change the right answer" in headline(study).paragraph
    console = Console(width=120, file=io.StringIO())
    console.print(report.terminal_table(study.sweep))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "word‡ 0.2" in shown and "‡ noise that may change the right answer" in shown


def test_noise_that_changes_labels_is_marked_in_figures(study: StudyResults) -> None:
    names, looks = Names.of(study.cells), styles.styles(systems(study.cells))
    points = [point for point in study.points if point.panel.task == "udpos"]
    figure = figures._curves(points, names, looks)
    assert [axes.get_xlabel() for axes in figure.axes] == [
        f"{n} noise: target error rate" for n in ("keyboard", "word‡")
    ]
    assert figure.get_suptitle().endswith("‡ may change the right answer")
    heat = figures._heat([place for place in study.places if place.level > 0], names)
    assert {label.get_text() for label in heat.axes[0].texts} >= {"word‡ 0.1", "keyboard 0.1"}
    main = difference_chart([c for c in study.contrasts if c.main and c.measure == PRIMARY], names, looks)
    assert main and "udpos · word‡ 0.1" in main.alt
    assert "word‡ noise: span_f1 by level, mean over 4 of 6 languages" in [
        c.title for c in curve_charts(points, looks, names)
    ]


def test_no_mark_where_noise_keeps_labels(tmp_path: Path) -> None:
    few: dict[str, Any] = {"languages": ("en", "de"), "noises": ("word",), "levels": (0.1,), "items": 5}
    found = read_study(make(tmp_path / "s", Spec(**few)), resample=False)
    assert not Names.of(found.cells).changing and "‡" not in page(found, "", "digest", [])


def test_the_page_says_how_many_signatures_it_leaves_out(study: StudyResults, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = sum(bool(cell.signature) for cell in study.cells)
    every = f"<summary>{signed} cells</summary>"
    assert every in page(study, "", "digest", [])
    monkeypatch.setattr(pages, "SIGNATURES", 3)
    html = page(study, "", "digest", [])
    assert f"<summary>3 cells of {signed}; all of them are in tables/cells.csv</summary>" in html and every not in html
    assert html.count("|model:e5_small|") == 3


def test_a_long_list_of_guesses_is_cut() -> None:
    assert _some(["a", "b"]) == "a; b"
    assert _some([str(number) for number in range(8)]) == "0; 1; 2; 3; 4; 5; 2 more, marked † below"


def test_colours_of_text_can_be_read() -> None:
    """WCAG 2.2, 1.4.3: 4.5 for text; the page is white, pre is #f5f5f5, and the box of problems #fff4f4."""
    css = (TEMPLATES / "report.css").read_text()
    named = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", css))
    assert named.keys() == {"text", "soft", "line", "bad", "link"}
    for name in ("text", "soft", "bad", "link"):
        assert styles.contrast(named[name]) >= 4.5, name
    assert styles.contrast(named["bad"], "#fff4f4") >= 4.5 and styles.contrast(named["link"], "#fff4f4") >= 4.5
    pairs = re.findall(r"background: (#[0-9a-f]{6}); color: (#[0-9a-f]{6})", css)
    assert len(pairs) == 2 and all(styles.contrast(*pair) >= 4.5 for pair in pairs)


def test_the_style_sheet_keeps_what_readers_ask_for() -> None:
    css = (TEMPLATES / "report.css").read_text()
    moving = re.findall(
        r"@media \(prefers-reduced-motion: no-preference\) \{ html \{ scroll-behavior: smooth; \} \}", css
    )
    assert len(moving) == css.count("smooth") == 1, "nothing moves for readers who ask for less motion"
    assert ":focus-visible { outline: 2px" in css and "outline: none" not in css and "outline: 0" not in css
    assert ".wider::before { content:" in css and "@media print" in css
    assert 'classList.toggle("wider"' in (TEMPLATES / "charts.js").read_text()
