"""Edits marked in samples: escaped, rebuilt strictly, cut where texts are long."""

from __future__ import annotations

import pytest

from xtreme_noise.report.samples import marked, visible


def test_marks() -> None:
    edits = [(0, 1, 0, 1, "c", "k"), (3, 3, 3, 4, "", "h"), (4, 5, 5, 5, "x", "")]
    assert marked("cat x", "kath ", edits) == "<del>c</del><ins>k</ins>at<ins>h</ins> <del>x</del>"


def test_everything_is_escaped() -> None:
    clean, noisy = "<b>&</b>", "<b>&</b><i>"
    html = marked(clean, noisy, [(8, 8, 8, 11, "", "<i>")])
    assert html == "&lt;b&gt;&amp;&lt;/b&gt;<ins>&lt;i&gt;</ins>"


def test_order_of_edits_does_not_matter() -> None:
    edits = [(2, 3, 2, 3, "c", "z"), (0, 1, 0, 1, "a", "y")]
    assert marked("abc", "ybz", edits) == "<del>a</del><ins>y</ins>b<del>c</del><ins>z</ins>"


@pytest.mark.parametrize(
    "edits",
    [
        [(0, 1, 0, 1, "?", "k")],  # not what is there
        [(0, 1, 0, 1, "c", "j")],  # gives another text
        [(0, 2, 0, 1, "ca", "k"), (1, 2, 1, 1, "a", "")],  # overlap
        [(2, 9, 2, 3, "t", "k")],  # beyond the end
        [],
    ],
)
def test_edits_that_do_not_rebuild_the_text_are_not_shown(edits: list[tuple[int, int, int, int, str, str]]) -> None:
    assert marked("cat", "kat", edits) is None


def test_long_texts_are_cut_but_checked_whole() -> None:
    clean = "a" * 100
    edits = [(5, 6, 5, 6, "a", "b"), (90, 91, 90, 91, "a", "b")]
    noisy = "a" * 5 + "b" + "a" * 84 + "b" + "a" * 9
    html = marked(clean, noisy, edits, limit=20)
    assert html == "a" * 5 + "<del>a</del><ins>b</ins>" + "a" * 14 + "…"
    assert marked(clean, noisy[:-1] + "x", edits, limit=20) is None


def test_a_text_of_the_limit_is_not_cut() -> None:
    assert marked("a" * 20, "a" * 20, [], limit=20) == "a" * 20


def test_invisible_characters_are_written_out() -> None:
    assert visible(" ") == "␣"
    assert visible("a\u200d") == "a[U+200D]"
    assert visible("\u00a0\t") == "[U+00A0][U+0009]"
    assert visible("नी") == "नी"
