"""
The stack's template as tests read it: parsed, and expanded by SAM's own translator without a network.

* What a test needs of a resource (the table's keys, a function's memory) comes from here, so it cannot drift.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = PROJECT / "template.yaml"
REGION = "us-east-1"

Json = dict[str, Any]


class _TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms; its own class, so that the global loader stays as strict as it is."""


def _long_form(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> Json:
    """Return `!Suffix value` as `{"Fn::Suffix": value}`."""
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    value = loader.construct_scalar(node)  # type: ignore[arg-type]
    return {name: str(value).split(".", 1) if suffix == "GetAtt" else value}


_TemplateLoader.add_multi_constructor("!", _long_form)


def load_template(path: Path = TEMPLATE) -> Json:
    """Return a template as written, intrinsic functions in their long form."""
    template: Json = yaml.load(path.read_text(encoding="utf-8"), Loader=_TemplateLoader)  # noqa: S506
    return template


def transform_template(parameters: dict[str, str] | None = None) -> Json:
    """Return the CloudFormation template that SAM makes of ours with these parameters over the defaults."""
    template = load_template()
    values = {name: parameter["Default"] for name, parameter in template["Parameters"].items()}
    for resource in template["Resources"].values():
        _upload(resource.get("Properties", {}))
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=REGION))
    transformed: Json = translator.translate(template, values | (parameters or {}))
    return transformed


def _upload(properties: Json) -> None:
    """Put an address in S3 where a local folder stands, as `sam deploy` does before the transform."""
    for name in {"CodeUri", "ContentUri"} & properties.keys():
        properties[name] = f"s3://artefacts/{properties[name]}"


def resources_of_type(template: Json, kind: str) -> Json:
    """Return the resources of one CloudFormation type by logical id."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}
