"""A library as an item of the table and back; with `items.py` the only module that knows attribute names."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from runnel.adapters.dynamodb.attributes import Item, drop_absent, get_int, get_moment, get_text, moment, number, text
from runnel.adapters.dynamodb.keys import library_key
from runnel.domain.jobs import Source
from runnel.domain.libraries import Edit, Library, Pointer

_SOURCES = TypeAdapter(tuple[Source, ...])


def library_to_item(library: Library) -> Item:
    """A library."""
    return (
        library_key(library.tenant, library.library_id)
        | {"sr": text(_SOURCES.dump_json(library.sources).decode()), "cr": moment(library.created_at)}
        | pointer_to_attributes(library.pointer)
        | {"kp": kept_to_value(library.kept), "pj": published_to_value(library.published)}
        | drop_absent({"aj": None if library.active_job is None else text(library.active_job)})
        | _settings_to_attributes(library)
    )


def _settings_to_attributes(library: Library) -> Item:
    """What users set; an attribute that nobody has set is not there, so items of before are as good."""
    edit = library.edit
    told = {"by": text(edit.by), "at": moment(edit.at), "fs": text(",".join(edit.fields))} if edit else {}
    return drop_absent(
        {
            "rv": number(library.revision) if library.revision else None,
            "ti": text(library.title) if library.title else None,
            "md": {"M": {name: text(value) for name, value in library.metadata.items()}} if library.metadata else None,
            "fn": {"L": [text(name) for name in library.former_names]} if library.former_names else None,
            "ed": {"M": told} if told else None,
        }
    )


def _settings_from_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    told = item.get("ed", {}).get("M")
    return {
        "revision": get_int(item, "rv") if "rv" in item else 0,
        "title": get_text(item, "ti") or "",
        "metadata": {name: value["S"] for name, value in item.get("md", {"M": {}})["M"].items()},
        "former_names": tuple(name["S"] for name in item.get("fn", {"L": []})["L"]),
        "edit": Edit(
            by=told["by"]["S"],
            at=datetime.fromisoformat(told["at"]["S"]),
            fields=tuple(told["fs"]["S"].split(",")),
        )
        if told
        else None,
    }


def pointer_to_attributes(pointer: Pointer) -> Item:
    """The pointer: one attribute, and the generation beside it, for the condition."""
    value = drop_absent(
        {
            "path": text(pointer.path),
            "base_path": text(pointer.base_path) if pointer.base_path else None,
            "pages": number(pointer.pages),
            "records": number(pointer.records) if pointer.records else None,
            "published_by": None if pointer.published_by is None else text(pointer.published_by),
            "published_at": None if pointer.published_at is None else moment(pointer.published_at),
        }
    )
    return {"g": number(pointer.generation), "po": {"M": value}}


def kept_to_value(kept: tuple[Pointer, ...]) -> dict[str, Any]:
    """The pointers of the generations that are kept, each with its number."""
    values = [pointer_to_attributes(pointer) for pointer in kept]
    return {"L": [{"M": value["po"]["M"] | {"g": value["g"]}} for value in values]}


def _to_pointer(generation: int, value: Mapping[str, Any]) -> Pointer:
    return Pointer(
        generation=generation,
        path=value["path"]["S"],
        base_path=get_text(value, "base_path") or "",
        pages=get_int(value, "pages"),
        records=get_int(value, "records") if "records" in value else 0,
        published_by=get_text(value, "published_by"),
        published_at=get_moment(value, "published_at"),
    )


def published_to_value(published: Mapping[str, int]) -> dict[str, Any]:
    """The generation that each job has published."""
    return {"M": {job_id: number(generation) for job_id, generation in published.items()}}


def library_from_item(item: Mapping[str, Any]) -> Library:
    """The library."""
    _, tenant, _, library_id = item["pk"]["S"].split("#", 3)
    kept = item.get("kp", {"L": []})["L"]
    return Library(
        tenant=tenant,
        library_id=library_id,
        sources=_SOURCES.validate_json(item["sr"]["S"]),
        created_at=datetime.fromisoformat(item["cr"]["S"]),
        pointer=_to_pointer(get_int(item, "g"), item["po"]["M"]),
        kept=tuple(_to_pointer(get_int(value["M"], "g"), value["M"]) for value in kept),
        published={job_id: int(value["N"]) for job_id, value in item["pj"]["M"].items()},
        active_job=get_text(item, "aj"),
        **_settings_from_attributes(item),
    )
