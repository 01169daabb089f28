"""Export the event vocabulary and the functions' payloads: JSON Schema, and TypeScript for the events.

The TypeScript is made from the JSON Schema and knows only what Pydantic writes for our models; anything else raises
`Unsupported`, so that a new kind of field cannot come out wrong in silence.
"""

import json
import re
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from runnel.domain import events, payloads

Schema = dict[str, Any]

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
PRIMITIVES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
#: What is read is described as it is accepted, what is written as it is sent.
PAYLOADS: dict[str, tuple[Any, Any]] = {
    "orchestrator-event": (payloads.OrchestratorEvent, "validation"),
    "crawler-request": (payloads.CrawlRequest, "validation"),
    "crawler-response": (payloads.CrawlResponse, "serialization"),
    "processor-request": (payloads.ProcessRequest, "validation"),
    "processor-result": (payloads.ProcessResult, "serialization"),
}
WORD = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


class _AllThatIsSent(GenerateJsonSchema):
    """What is sent holds every field, also those with a default."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,  # noqa: FBT001 - pydantic's own signature
    ) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)


class Unsupported(ValueError):
    """The schema uses something that the TypeScript generator does not know."""


def schema_files() -> dict[str, str]:
    """Every schema file below docs/events/, by name."""
    files = {"events": event_schema()}
    files |= {name: _schema(model, mode, title=name) for name, (model, mode) in PAYLOADS.items()}
    return {f"{name}.schema.json": json.dumps(schema, indent=2) + "\n" for name, schema in files.items()}


def event_schema() -> Schema:
    """The schema of every event that a stream can show."""
    return _schema(events.Event, "serialization", title="event")


def typescript(schema: Schema) -> str:
    """Give the schema's types as one TypeScript module."""
    definitions: dict[str, Schema] = schema["$defs"]
    parts = ["// Generated from runnel/domain/events.py by `make docs`; do not edit.\n"]
    parts += [_declaration(name, definitions[name]) for name in sorted(definitions)]
    union = [choice["$ref"].rpartition("/")[2] for choice in schema["oneOf"]]
    durable = [name for name in union if "seq" in definitions[name]["properties"]]
    parts.append(_union("DurableEvent", "Stored and numbered before anyone sees it.", durable))
    parts.append(_union("EphemeralEvent", "Shown and forgotten.", [name for name in union if name not in durable]))
    parts.append(
        _union("Event", "Everything a stream can show; `type` tells which.", ["DurableEvent", "EphemeralEvent"])
    )
    return "\n".join(parts)


def _schema(model: Any, mode: Any, *, title: str) -> Schema:
    schema = TypeAdapter(model).json_schema(mode=mode, schema_generator=_AllThatIsSent)
    return {"$schema": SCHEMA_DIALECT, "title": f"Runnel {title}, version 1"} | {
        key: value for key, value in schema.items() if key != "title"
    }


def _declaration(name: str, schema: Schema) -> str:
    comment = _comment(schema)
    if schema.get("type") != "object":
        return f"{comment}export type {name} = {_type(schema)};\n"
    required = set(schema.get("required", ()))
    fields = [
        f"  {field if WORD.match(field) else json.dumps(field)}{'' if field in required else '?'}: {_type(value)};"
        for field, value in schema.get("properties", {}).items()
    ]
    return "\n".join([f"{comment}export interface {name} {{", *fields, "}\n"])


def _comment(schema: Schema) -> str:
    return f"/** {' '.join(schema['description'].split())} */\n" if "description" in schema else ""


def _union(name: str, description: str, members: list[str]) -> str:
    return f"/** {description} */\nexport type {name} =\n  | " + "\n  | ".join(members) + ";\n"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(choice) for choice in schema["anyOf"]))
    return _structure(schema)


def _structure(schema: Schema) -> str:
    kind = schema.get("type")
    if kind in PRIMITIVES:
        return PRIMITIVES[kind]
    if kind == "array" and "items" in schema:
        item = _type(schema["items"])
        return f"({item})[]" if "|" in item else f"{item}[]"
    if kind == "object":
        return _mapping(schema)
    raise Unsupported(json.dumps(schema))


def _mapping(schema: Schema) -> str:
    values = schema.get("additionalProperties", True)
    value = "unknown" if isinstance(values, bool) else _type(values)
    if "propertyNames" in schema:
        return f"Partial<Record<{_type(schema['propertyNames'])}, {value}>>"
    return f"Record<string, {value}>"
