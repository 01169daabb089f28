"""The sample events are what the functions take: they are test inputs, so they cannot rot."""

from __future__ import annotations

import json
import re

import pytest
from pydantic import TypeAdapter

from runnel.domain.payloads import CrawlEvent, CrawlRequest, OrchestratorEvent, ProcessRequest
from tests.support.template import PROJECT, load_template

EVENTS = PROJECT / "events"
MODELS: dict[str, TypeAdapter[object]] = {
    "crawler": TypeAdapter(CrawlRequest),
    "processor": TypeAdapter(ProcessRequest),
    "orchestrator": TypeAdapter(OrchestratorEvent),
}
HTTP_EVENT = "orchestrator_http"


@pytest.mark.parametrize("name", sorted(path.stem for path in EVENTS.glob("*.json") if path.stem != HTTP_EVENT))
def test_a_sample_event_is_a_request_of_its_function(name: str) -> None:
    """`make invoke` and `sam local invoke` are shown to users with these files."""
    function = name.partition("_")[0]

    MODELS[function].validate_json((EVENTS / f"{name}.json").read_bytes())


def test_every_function_and_every_event_type_has_a_sample() -> None:
    """A type without a sample is a type that nobody can try."""
    samples = [json.loads(path.read_text()) for path in EVENTS.glob("orchestrator_*.json")]

    assert {path.stem.partition("_")[0] for path in EVENTS.glob("*.json")} == set(MODELS)
    assert {sample["type"] for sample in samples if "type" in sample} == {"crawl", "resume", "sweep"}


def test_the_http_sample_is_a_function_urls_event() -> None:
    """The adapter takes an event for HTTP by its `requestContext.http`."""
    event = json.loads((EVENTS / f"{HTTP_EVENT}.json").read_text())

    assert event["version"] == "2.0"
    assert event["requestContext"]["http"]["method"] == "GET"


def test_what_the_schedule_sends_is_a_crawl_event() -> None:
    """The template's text and the model are two places; an unwatched crawl must not fail on a difference."""
    target = load_template()["Resources"]["CrawlJobSchedule"]["Properties"]["Target"]
    filled = re.sub(r"\$\{\w+\}", "https://docs.example.com/", target["Input"]["Fn::Sub"])

    event = CrawlEvent.model_validate_json(filled)

    assert event.url == "https://docs.example.com/"
