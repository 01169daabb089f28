"""What `sam build` made is what Lambda gets: small, compiled, complete, and answering from the build folder alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runnel.adapters.dynamodb.stores import DynamoDBStores
from runnel.adapters.system.clock import SystemClock
from runnel.adapters.system.ids import SystemIds
from runnel.domain.jobs import Job, Source
from tests.bench.cold_start import MAKE, run_built
from tests.support.artefacts import Artefacts, build_for, need_artefacts, only_in_ci
from tests.support.lambda_home import (
    CRAWLER,
    ORCHESTRATOR,
    PROCESSOR,
    TENANT,
    HomeOptions,
    LambdaHome,
    running_lambda_home,
)
from tests.support.template import PROJECT

pytestmark = pytest.mark.xdist_group("artefacts")

MAX_LAYER_BYTES = 60 * 1000 * 1000
#: The `e_machine` of an ELF file for 64-bit ARM.
ELF_AARCH64 = 183
EVENTS = PROJECT / "events"
#: Where the sample events' pages lie.
SAMPLE_HOST = "docs.python.org"
SAMPLE_FOLDER = f"https://{SAMPLE_HOST}/3/library/"

#: What each handler loads besides the standard library, made ready for its first request: no more and no less. A new
#: heavy one fails here, and is added only with its import time in mind (`python -m tests.bench.cold_start`).
_BASE = {
    *("annotated_types", "botocore", "can_ada", "dateutil", "jmespath", "pydantic", "pydantic_core", "runnel", "six"),
    *("typing_extensions", "typing_inspection", "urllib3"),
}
_HANDLER = {"aws_lambda_powertools", "turbohtml"}
_HTTP_CLIENT = {"httptools"}
LOADS = {
    "CrawlerFunction": _BASE | _HANDLER | _HTTP_CLIENT,
    "ProcessorFunction": _BASE | _HANDLER,
    "OrchestratorFunction": _BASE
    | {
        "annotated_doc",
        "anyio",
        "aws_lambda_powertools",
        "boto3",
        "fastapi",
        "opentelemetry",
        "s3transfer",
        "starlette",
    },
}
#: What no function loads, and what only one may: the web framework would double a worker's cold start.
NEVER = {"openai", "httpx", "rich", "typer"}
WEB = {"fastapi", "starlette", "uvicorn"}

#: Runs in the functions' Python: import the handler, make what its first request makes, list what was loaded.
LIST_IMPORTS = """
import asyncio, json, sys, time
begun = time.perf_counter()
import app
imported = time.perf_counter()
from runnel.wiring import aws
async def make():
    eval(sys.argv[1])
asyncio.run(make())
made = time.perf_counter()
roots = sys.argv[2:]
loaded = sorted({name.partition(".")[0] for name, module in list(sys.modules.items())
                 if (getattr(module, "__file__", None) or "").startswith(tuple(roots))})
print(json.dumps({"loaded": loaded, "import_ms": (imported - begun) * 1000, "make_ms": (made - imported) * 1000}))
"""


@pytest.fixture(scope="module")
def artefacts() -> Artefacts:
    """What is built of the sources as they are."""
    return need_artefacts()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The sample site in a process of its own: its `http://host:port`."""
    command = [sys.executable, "-m", "tests.site.server", "--port", "0"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base = process.stdout.readline().strip().partition("/docs")[0]
        yield base
        process.terminate()


@pytest.fixture(scope="module")
def home(site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambdaHome]:
    """The built stack, allowed to crawl the sample site."""
    options = HomeOptions(allow_private=site.removeprefix("http://"))
    with running_lambda_home(tmp_path_factory.mktemp("functions"), options) as running:
        yield running


def sample(name: str, site: str) -> dict[str, Any]:
    """Return a sample event, its page moved to the sample site."""
    text = (EVENTS / f"{name}.json").read_text()
    text = text.replace(f"{SAMPLE_FOLDER}json.html", f"{site}/docs/start/concepts.html")
    text = text.replace(SAMPLE_FOLDER, f"{site}/docs/").replace(f"https://{SAMPLE_HOST}", site)
    event: dict[str, Any] = json.loads(text.replace(SAMPLE_HOST, site.removeprefix("http://")))
    return event | ({"ports": [int(site.rpartition(":")[2])]} if "targets" in event else {})


def invoke(home: LambdaHome, function: str, event: dict[str, Any]) -> bytes:
    """Return what a function answers; one that failed shows its log."""
    answer = home.functions.invoke(FunctionName=function, Payload=json.dumps(event))
    body: bytes = answer["Payload"].read()

    assert not answer.get("FunctionError"), f"{body.decode()}\n{home.service.logs(function)}"
    return body


async def create_job(home: LambdaHome, job_id: str) -> None:
    """Put the job into the table that the sample events speak of."""
    clock = SystemClock()
    stores = DynamoDBStores(home.dynamodb, home.table, clock=clock, ids=SystemIds(clock))
    source = Source(source_id="main", url=SAMPLE_FOLDER)
    await stores.jobs.create(
        Job(tenant=TENANT, job_id=job_id, library_id="docs", sources=(source,), created_at=clock.now())
    )
    stores.close()


def test_the_layer_fits(artefacts: Artefacts) -> None:
    """A cold start unpacks it, and Lambda's limit counts it."""
    size_bytes = sum(path.stat().st_size for path in artefacts.layer.rglob("*") if path.is_file())
    print(f"layer: {size_bytes / 1e6:.1f} MB unzipped")  # noqa: T201 - a figure for the log

    assert size_bytes <= MAX_LAYER_BYTES


def test_every_module_of_the_layer_has_byte_code(artefacts: Artefacts) -> None:
    """Without it each cold start compiles: twice the import time."""
    modules = [path for path in artefacts.layer.rglob("*.py") if path.parent.name != "templates"]
    compiled = {path.name.partition(".cpython-313")[0] for path in artefacts.layer.rglob("__pycache__/*.pyc")}

    assert [path for path in modules if path.stem not in compiled] == []


@pytest.mark.parametrize("function", sorted(LOADS))
def test_a_handler_loads_what_it_needs_and_nothing_else(artefacts: Artefacts, function: str) -> None:
    """An import that slips in is paid at every cold start; one that is missing fails here and not on Lambda."""
    roots = [str(artefacts.layer), str(artefacts.runtime)]
    ran = run_built(artefacts, function, "-c", LIST_IMPORTS, MAKE[function], *roots)
    assert ran.returncode == 0, ran.stderr

    said = json.loads(ran.stdout)
    print(f"{function}: import {said['import_ms']:.0f} ms, make {said['make_ms']:.0f} ms")  # noqa: T201 - for the log

    assert set(said["loaded"]) == LOADS[function]


def test_the_web_framework_is_for_the_orchestrator_alone() -> None:
    """The lists above may grow, but never by these."""
    assert set.union(*LOADS.values()) & NEVER == set()
    assert [name for name, loaded in LOADS.items() if loaded & WEB] == ["OrchestratorFunction"]


async def test_the_built_crawler_fetches_and_the_built_processor_reads_what_it_stored(
    home: LambdaHome, site: str
) -> None:
    """The two sample events are one story: what one puts the other gets."""
    event = sample("processor", site)
    await create_job(home, event["job_id"])
    answer = json.loads(invoke(home, CRAWLER, sample("crawler", site)))
    page = answer["results"][0]["page"]
    event["pages"][0] |= {"raw": page["raw"], "body_hash": page["body_hash"], "charset": page["charset"]}

    said = json.loads(invoke(home, PROCESSOR, event))
    keys = [one["Key"] for one in home.s3.list_objects_v2(Bucket=home.bucket, Prefix=f"t/{TENANT}/")["Contents"]]

    assert answer["results"][0]["outcome"] == "fetched"
    assert said["pages"] == 1
    assert [key for key in keys if key.startswith(f"t/{TENANT}/pages/")] != []


def test_the_built_processor_does_nothing_for_a_job_that_is_not_there(home: LambdaHome, site: str) -> None:
    """An event that comes late, after its job was deleted, must cost and change nothing."""
    event = sample("processor", site) | {"job_id": "gone"}

    assert json.loads(invoke(home, PROCESSOR, event))["pages"] == 0


def test_the_built_crawler_answers_the_text_of_robots_txt(home: LambdaHome, site: str) -> None:
    """The orchestrator never opens a connection to a site, not even for this."""
    answer = json.loads(invoke(home, CRAWLER, sample("crawler_robots", site)))

    assert "user-agent" in answer["results"][0]["page"]["text"].lower()


@pytest.mark.parametrize("name", sorted(path.stem for path in EVENTS.glob("orchestrator_*.json")))
def test_the_built_orchestrator_takes_every_sample_event(home: LambdaHome, site: str, name: str) -> None:
    """An answer of 590 would send the event to the failure queue."""
    body = invoke(home, ORCHESTRATOR, sample(name, site))
    prelude = json.loads(body.partition(b"\0" * 8)[0])

    assert prelude["statusCode"] < 500, f"{body.decode()}\n{home.logs()}"


def test_the_layer_cross_builds_for_the_default_architecture(artefacts: Artefacts, tmp_path: Path) -> None:
    """Most people deploy from another processor than the functions have; a wheel of the host would fail only there."""
    only_in_ci("a second build takes half a minute")
    built = build_for("arm64", tmp_path / "arm64")
    libraries = list((built / "RunnelLayer" / "python").rglob("*.so"))
    machines = {int.from_bytes(library.read_bytes()[18:20], "little") for library in libraries}

    assert {"can_ada", "httptools", "pydantic_core", "turbohtml"} <= {
        part.partition(".")[0] for library in libraries for part in library.relative_to(built).parts
    }
    assert machines == {ELF_AARCH64}
    assert artefacts.folder != built


def test_make_invoke_runs_a_built_function_without_docker(
    site: str, artefacts: Artefacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that the README shows, on a machine that has no account."""
    event = tmp_path / "crawler.json"
    event.write_text(json.dumps(sample("crawler", site)))
    monkeypatch.setenv("RUNNEL_ALLOW_PRIVATE", site.removeprefix("http://"))
    command = [sys.executable, "tools/invoke_function.py", "crawler", str(event)]

    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["results"][0]["outcome"] == "fetched"
    assert artefacts.layer.is_dir()
