"""Results, reports and page metadata keep their shape: whoever reads them by program must not find a field gone."""

import json

from tests.support.golden import FOLDER, shape_of, shapes


async def test_what_programs_read_keeps_its_shape() -> None:
    """A difference is a change for users: it needs a line in CHANGELOG.md, and `python -m tests.support.golden`."""
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
    found = await shapes()

    assert sorted(found) == sorted(kept)
    for name, shape in found.items():
        assert shape == kept[name], name


def test_a_shape_has_names_and_types_and_no_values() -> None:
    """Or every crawl would have one of its own."""
    first = {"a": 1, "b": [{"c": "x"}, {"c": None}, {"c": "y"}], "skipped": {"robots": 1}}
    second = {"a": 2, "b": [{"c": None}, {"c": "z"}], "skipped": {"asset": 3, "trap": 4}}

    assert shape_of(first) == shape_of(second)
    assert shape_of(first) != shape_of({**first, "a": "1"})
    assert shape_of(first) != shape_of({**first, "d": 1})
