"""
What DynamoDB charges and what it refuses, as far as moto does not: pure functions of request bodies.

* Sizes and units follow the Developer Guide ("item sizes and formats", "read/write operations and consumption").
* A number's size is an approximation there too; ours is the guide's: two digits a byte, and one byte more.
* Names of reserved words are moto's own list, a copy of AWS's.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

Json = dict[str, Any]

KEY_ATTRIBUTES = ("pk", "sk", "gsi1pk", "gsi1sk")
INDEX_ATTRIBUTES = ("gsi1pk", "gsi1sk")
MAX_ITEM_BYTES = 400 * 1024
MAX_BATCH_BYTES = 16 * 1024 * 1024
MAX_BATCH_WRITES = 25
MAX_BATCH_READS = 100
MAX_TRANSACTION = 100
#: The overhead of a list or map, and of each of its elements.
_DOCUMENT_BYTES = 3
_EXPRESSIONS = (
    "ConditionExpression",
    "UpdateExpression",
    "KeyConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
)
#: Words of the expression language; some of them are reserved as names.
_LANGUAGE = frozenset({"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"})
_NAME_USED = re.compile(r"#\w+")
_VALUE_USED = re.compile(r":\w+")
#: A bare attribute name: not a reference, and not a function.
_BARE = re.compile(r"(?<![#:\w])[A-Za-z_]\w*(?!\w*\s*\()")


# ---------------------------------------------------------------- sizes and units


def item_size(item: Mapping[str, Json] | None) -> int:
    """Bytes of an item as DynamoDB counts them; a missing item has none."""
    return sum(len(name.encode()) + _value_size(value) for name, value in (item or {}).items())


def _value_size(value: Json) -> int:
    [(kind, content)] = value.items()
    if kind == "M":
        return _DOCUMENT_BYTES + sum(len(n.encode()) + _value_size(v) + 1 for n, v in content.items())
    if kind == "L":
        return _DOCUMENT_BYTES + sum(_value_size(element) + 1 for element in content)
    if kind in {"SS", "NS", "BS"}:
        return sum(_value_size({kind[0]: element}) for element in content)
    return _scalar_size(kind, content)


def _scalar_size(kind: str, content: str) -> int:
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        digits = len(re.sub(r"[^0-9]", "", content).strip("0")) or 1
        return math.ceil(digits / 2) + 1 + content.startswith("-")
    if kind == "B":
        return len(base64.b64decode(content))
    return 1


def write_units(before: Mapping[str, Json] | None, after: Mapping[str, Json] | None) -> float:
    """Units of one write: the larger of before and after by the kilobyte, and what the index costs."""
    size = max(item_size(before), item_size(after), 1)
    return math.ceil(size / 1024) + _index_units(before or {}, after or {})


def _index_units(before: Mapping[str, Json], after: Mapping[str, Json]) -> int:
    """One unit to put an entry, one to remove it, two to move it; the projection is KEYS_ONLY, so nothing else."""
    old, new = ({name: item.get(name) for name in INDEX_ATTRIBUTES} for item in (before, after))
    if old == new:
        return 0
    return sum(all(keys.values()) for keys in (old, new))


def read_units(size_bytes: int, *, consistent: bool) -> float:
    """Units of reading so many bytes together."""
    units = max(1, math.ceil(size_bytes / 4096))
    return float(units) if consistent else units / 2


# ---------------------------------------------------------------- refusals


def find_refusal(operation: str, body: Json) -> str | None:
    """Why DynamoDB would refuse this request, or None."""
    rules = {
        "BatchWriteItem": _refuse_batch_write,
        "BatchGetItem": _refuse_batch_get,
        "TransactWriteItems": _refuse_transaction,
    }
    if operation in rules:
        return next(rules[operation](body), None)
    return next(_refuse_single(body), None)


def _refuse_single(body: Json) -> Iterator[str]:
    yield from _refuse_item(body.get("Item") or body.get("Key") or {})
    yield from _refuse_expressions(body)


def _refuse_batch_write(body: Json) -> Iterator[str]:
    requests = [request for table in body["RequestItems"].values() for request in table]
    if not 1 <= len(requests) <= MAX_BATCH_WRITES:
        yield "1 validation error detected: Member must have length less than or equal to 25"
    items = [put_or_key(request) for request in requests]
    yield from _refuse_duplicates([key_of(item) for item in items])
    for item in items:
        yield from _refuse_item(item)
    if sum(map(item_size, items)) > MAX_BATCH_BYTES:
        yield "Total size of a batch exceeds 16 MB"


def _refuse_batch_get(body: Json) -> Iterator[str]:
    keys = [key for table in body["RequestItems"].values() for key in table["Keys"]]
    if not 1 <= len(keys) <= MAX_BATCH_READS:
        yield "Too many items requested for the BatchGetItem call"
    yield from _refuse_duplicates([key_of(key) for key in keys])


def _refuse_transaction(body: Json) -> Iterator[str]:
    if len(body["TransactItems"]) > MAX_TRANSACTION:
        yield "Member must have length less than or equal to 100"
    for entry in body["TransactItems"]:
        for part in entry.values():
            yield from _refuse_single(part)


def _refuse_duplicates(keys: list[tuple[str, str]]) -> Iterator[str]:
    if len(set(keys)) < len(keys):
        yield "Provided list of item keys contains duplicates"


def _refuse_item(item: Json) -> Iterator[str]:
    for name in KEY_ATTRIBUTES:
        if name in item and not item[name].get("S"):
            yield f"One or more parameter values are not valid: empty string value for key {name}"
    if item_size(item) > MAX_ITEM_BYTES:
        yield "Item size has exceeded the maximum allowed size"


def _refuse_expressions(body: Json) -> Iterator[str]:
    text = " ".join(body.get(kind) or "" for kind in _EXPRESSIONS)
    for pattern, given in ((_NAME_USED, "ExpressionAttributeNames"), (_VALUE_USED, "ExpressionAttributeValues")):
        used, defined = set(pattern.findall(text)), set(body.get(given) or {})
        if given in body and not defined:
            yield f"{given} must not be empty"
        if used != defined:
            yield f"Value in {given} unused or missing in expressions: {sorted(used ^ defined)}"
    for word in _BARE.findall(text):
        if word.upper() in _reserved_words() - _LANGUAGE:
            yield f"Invalid expression: Attribute name is a reserved keyword; reserved keyword: {word}"


@cache
def _reserved_words() -> frozenset[str]:
    words = files("moto.dynamodb.parsing").joinpath("reserved_keywords.txt").read_text(encoding="utf-8")
    return frozenset(word.strip().upper() for word in words.splitlines() if word.strip())


# ---------------------------------------------------------------- parts of requests


def put_or_key(request: Json) -> Json:
    """Return the item of a PutRequest, or the key of a DeleteRequest."""
    [entry] = request.values()
    item: Json = entry.get("Item") or entry["Key"]
    return item


def key_of(item: Mapping[str, Json]) -> tuple[str, str]:
    """Return the primary key as two strings."""
    return item["pk"].get("S", ""), item["sk"].get("S", "")


def kind_of(item: Mapping[str, Json]) -> str:
    """Return what an item is, by its keys: `META`, `U`, `V`, `V+`, `E`, `B`, `HOST`, …"""
    pk, sk = key_of(item)
    if sk == "META":
        return pk.split("#")[0] if not pk.startswith("T#") else {"JOB": "META"}.get(pk.split("#")[2], pk.split("#")[2])
    return "V+" if sk.startswith("V#+") else sk.split("#")[0]
