"""The judge that reads what authors wrote: sections and code of reStructuredText."""

from pathlib import Path

import pytest

from tests.quality.figures import Found
from tests.quality.rst import read_source
from tests.quality.sources import (
    SourceScore,
    add_source,
    fallen_sources,
    find_source,
    format_sources,
    write_sources,
)

SOURCE = """\
=====
Pumps
=====

.. A comment is none::

      of its text

Lift :func:`~garden.lift` ``a_b`` --- `more <x>`_ :rfc:`9`
==========================================================

Run this::

    $ pump --lift

      indented

.. code-block:: python
   :linenos:

   if a:
       b()  # doctest: +SKIP

- an item with::

    code of it

  and its text

.. note:: In a note::

      shell

>>> a
1

.. highlight:: c

Then::

   int a;

.. literalinclude:: a.py

.. autoclass:: Pump
   :members:

Deeper
------

Not a literal::
because of this line.

.. code-block::

    int b;

|version| here
--------------

.. testoutput::
   :hide:

   x
"""


def test_sections_and_code_are_read_as_docutils_reads_them() -> None:
    """Levels come from the order of the adornments, margins from the least indented line."""
    source = read_source(SOURCE)

    assert source.headings == [(1, "pumps"), (2, "lift lift a_b more rfc 9"), (3, "deeper")]
    assert source.code == [
        ("$ pump --lift\n\n  indented", ""),
        ("if a:\n    b()  # doctest: +SKIP", "python"),
        ("code of it", ""),
        ("shell", ""),
        (">>> a\n1", ""),
        ("int a;", "c"),
        ("int b;", "c"),
    ]
    assert dict(source.skipped) == {
        "literalinclude": 1, "autoclass": 1, "heading with a substitution": 1, "testoutput :hide:": 1,
    }  # fmt: skip


def test_what_sphinx_takes_from_doctests_is_taken_here() -> None:
    """Flags and marks for blank lines are no output."""
    assert read_source(">>> a  # doctest: +SKIP\n<BLANKLINE>\n1").code == [(">>> a\n\n1", "")]


def test_a_page_is_judged_by_what_its_author_wrote() -> None:
    """One block of two, its language unsaid, and one heading at the wrong level."""
    source = read_source("Pumps\n=====\n\n.. code:: sh\n\n   a\n\n::\n\n   b\n\nMore\n----\n")
    outcome = Found(code=[("a\n", "")], headings=[(1, "Pumps"), (3, "More")])
    score = SourceScore()
    wrong = add_source(score, source, outcome)

    assert (score.code.good, score.code.all) == (1, 2)
    assert (score.language.good, score.language.all) == (0, 1)
    assert (score.headings.good, score.headings.all) == (1, 2)
    assert wrong == {
        "source's code": ["b"], "source's language": [("sh", "a")], "source's headings": [(2, "more")],
    }  # fmt: skip


def test_a_fallen_figure_is_named(tmp_path: Path) -> None:
    """The kept table is compared cell by cell; a generator that is new has nothing to fall from."""
    source = read_source("Pumps\n=====\n\n.. include:: x\n")
    good, bad = SourceScore(), SourceScore()
    add_source(good, source, Found(headings=[(1, "Pumps")]))
    add_source(bad, source, Found())
    write_sources({"Sphinx": good}, tmp_path / "kept.md")

    assert format_sources({"Sphinx": good}).endswith("| Sphinx | 1 | - | - | 100.0 of 1 | include 1 |\n")
    assert fallen_sources({"Sphinx": good, "New": bad}, tmp_path / "kept.md") == []
    assert fallen_sources({"Sphinx": bad}, tmp_path / "kept.md") == [
        "Sphinx, source's headings: 100.0 of 1 became 0.0 of 1"
    ]


@pytest.mark.parametrize(("url", "is_there"), [("library/a.html", True), ("library/b.html", False)])
def test_a_page_s_source_is_found_by_its_name(tmp_path: Path, url: str, *, is_there: bool) -> None:
    """Generated pages have none."""
    (tmp_path / "_sources/library").mkdir(parents=True)
    (tmp_path / "_sources/library/a.rst.txt").write_text("A\n===\n", encoding="utf-8")

    assert (find_source(tmp_path, "_sources", f"https://docs.example/{url}") is not None) is is_there
