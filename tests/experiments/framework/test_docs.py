"""Pages quote figures by reference, and hold none that the frame did not write."""

import json
from pathlib import Path

import pytest

from experiments.framework.catalogue import comparisons
from experiments.framework.comparison import FORMAT
from experiments.framework.docs import (
    FigureMissing,
    loose_figures,
    pages,
    problems,
    stale_blocks,
    with_figures,
    write_docs,
)

ROOT = Path(__file__).parents[3]
ROW = {"id": "1-x", "value": 12345.6, "standard_error": 78.9, "n": 20, "p": None, "verdict": "met"}
BLOCK = "<!-- figures tiny:{1-x ±} of {1-x n}, {1-x verdict}, {commit}-->old<!-- end of figures -->"


@pytest.fixture
def checkout(tmp_path):
    """A folder with a page that quotes one figure."""
    (tmp_path / "docs" / "figures").mkdir(parents=True)
    run = {"format": FORMAT, "name": "tiny", "commit": "0123", "machine": {"cpu": "c"}, "rows": [ROW]}
    (tmp_path / "docs" / "figures" / "tiny.json").write_text(json.dumps(run))
    (tmp_path / "README.md").write_text(f"Reached: {BLOCK}.\n")
    return tmp_path


def test_the_pages_of_this_checkout_hold_no_figure_of_their_own():
    assert problems(ROOT) == []


def test_blocks_name_comparisons():
    for path in pages(ROOT):
        names = {line.split()[2].partition(":")[0] for line in path.read_text().splitlines()
                 if line.startswith("<!-- figures ") and "NAME" not in line}  # fmt: skip
        assert names <= comparisons().keys()


def test_a_page_gets_what_it_quotes(checkout):
    assert write_docs(checkout) == [checkout / "README.md"]
    text = (checkout / "README.md").read_text()
    assert ">12,346 ± 79 of 20, met, 0123<!--" in text
    assert write_docs(checkout) == [] and list(stale_blocks(checkout)) == []


def test_a_page_that_says_otherwise_is_found(checkout):
    write_docs(checkout)
    page = checkout / "README.md"
    page.write_text(page.read_text().replace("12,346", "12,999"))
    assert [line for line in problems(checkout) if "README.md is not as docs/figures say" in line]


def test_what_was_not_run_is_a_dash(checkout):
    figures = checkout / "docs" / "figures"
    for content in ('{"name": "tiny", "rows": []}', "{"):
        (figures / "tiny.json").write_text(content)
        assert ">— of —, —, —<!--" in with_figures(BLOCK, figures)
    assert ">—<!--" in with_figures("<!-- figures other:{1-x}-->1<!-- end of figures -->", figures)


def test_an_unknown_row_is_refused(checkout):
    with pytest.raises(FigureMissing, match=r"tiny.json has no row 2-y"):
        with_figures("<!-- figures tiny:{2-y}-->1<!-- end of figures -->", checkout / "docs" / "figures")


@pytest.mark.parametrize(
    "text",
    [
        "It reaches 94.4 ± 0.2 %.",
        "A design takes 3 seconds.",
        "trained in about a minute",
        "ready in 0.4 s",
        "half a minute of one core",
        "the p95 of 4 clients is 11 ms",
        "its Spearman correlation is .957",
        "a coverage of 89.2 %",
        "5 times faster than before",
        "| a job | 24.0 | 31.5 |",
        "| a job | 24 | 31.5 |",
    ],
)
def test_what_reads_like_a_measurement_is_found(text):
    assert [number for number, _ in loose_figures(f"First line.\n\n{text}\n")] == [3]


@pytest.mark.parametrize(
    "text",
    [
        "A lease lasts 30 s; a body has at most 16 MB.",
        "| 200 clients | p95 ≤ 2 s, p99 at most 3 s |",
        "90 % intervals, 0.5 to 0.999",
        "```\nreal 0.4 s, takes 3 seconds\n```",
        "`takes 3 seconds`",
        "<!-- figures tiny:{1-x} s-->takes 3 seconds<!-- end of figures -->",
        "| `confidence` | of every interval | 0.9 |",
        "Python 3.11 or 3.12",
    ],
)
def test_settings_limits_and_code_are_no_measurements(text):
    assert loose_figures(text) == []
