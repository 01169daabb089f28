"""
The Lambda home, whole: the built functions as real processes, the real adapter, DynamoDB and S3 on moto's server.

* Environment, memory, time and repeats of a function come from `template.yaml`.
* Private addresses are allowed by the processes' environment alone; the template knows no such thing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.artefacts import Artefacts, need_adapter, need_artefacts
from tests.support.dynamodb_guard import Guard, running_guard
from tests.support.lambda_service.function import LambdaFunction
from tests.support.lambda_service.invocation import InvocationRecord
from tests.support.lambda_service.service import LambdaService
from tests.support.moto_server import MotoServer, create_bucket, create_table, running_moto
from tests.support.template import Json, load_template

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client

TENANT = "main"
ORCHESTRATOR, CRAWLER, PROCESSOR = "orchestrator", "crawler", "processor"
_LOGICAL_IDS = {
    ORCHESTRATOR: "OrchestratorFunction",
    CRAWLER: "CrawlerFunction",
    PROCESSOR: "ProcessorFunction",
}
#: Parameters that the functions' variables name.
_PARAMETERS = ("AuthType", "Secrets", "TrackingParameters", "MarkdownTwins", "LowQualityBelow", "AssetSizes")


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeOptions:
    """What a test may want otherwise than the template has it."""

    #: `HOST:PORT[,HOST:PORT]` that the functions may crawl although private.
    allow_private: str = ""
    #: Processes of the crawler that take turns; 0 = as many as calls at once.
    crawlers: int = 0
    #: Seconds that an orchestrator lives; a short one makes a driver hand over.
    orchestrator_timeout_s: float | None = None
    #: For all functions, over everything else: another endpoint of DynamoDB, another setting.
    environment: Mapping[str, str] | None = None
    #: Put our guard between the functions and their stores: it counts, and does what a test plans.
    guarded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaHome:
    """A running stack."""

    #: The Function URL, without a final slash.
    url: str
    table: str
    bucket: str
    service: LambdaService
    moto: MotoServer
    dynamodb: DynamoDBClient
    s3: S3Client
    guard: Guard | None = None

    @property
    def timeline(self) -> tuple[InvocationRecord, ...]:
        """Every invocation so far, in the order of their start."""
        return self.service.timeline()

    @property
    def functions(self) -> LambdaClient:
        """A client of the `Invoke` API."""
        return self.service.client()

    def logs(self) -> str:
        """Return what all processes have printed."""
        return "\n".join(f"--- {name}\n{self.service.logs(name)}" for name in _LOGICAL_IDS)


@contextmanager
def running_lambda_home(log_dir: Path, options: HomeOptions | None = None) -> Iterator[LambdaHome]:
    """Start the stack for the length of a `with` block; skip the test, or fail it in CI, where it cannot start."""
    options = options or HomeOptions()
    artefacts, adapter = need_artefacts(), need_adapter()
    with running_moto() as moto, LambdaService(log_dir) as service, ExitStack() as stack:
        name = f"runnel-{uuid.uuid4().hex[:8]}"
        create_table(moto.dynamodb(), name)
        create_bucket(moto.s3(), name)
        endpoints = moto.environment() | {"AWS_ENDPOINT_URL_LAMBDA": service.endpoint_url}
        guard = stack.enter_context(running_guard(moto.endpoint_url)) if options.guarded else None
        if guard is not None:
            endpoints |= {"AWS_ENDPOINT_URL_DYNAMODB": guard.endpoint_url, "AWS_ENDPOINT_URL_S3": guard.endpoint_url}
        for function in stack_functions(artefacts, adapter, name, endpoints, options):
            service.add(function)
        yield LambdaHome(
            url=service.url(ORCHESTRATOR),
            table=name,
            bucket=name,
            service=service,
            moto=moto,
            dynamodb=moto.dynamodb(),
            s3=moto.s3(),
            guard=guard,
        )


def stack_functions(
    artefacts: Artefacts, adapter: Path, store: str, endpoints: Mapping[str, str], options: HomeOptions
) -> Iterator[LambdaFunction]:
    """Yield the template's three functions as the service takes them; *store* names table and bucket."""
    template = load_template()
    for name, logical_id in _LOGICAL_IDS.items():
        properties = template["Resources"][logical_id]["Properties"]
        environment = dict(endpoints) | _variables(template, properties, store) | _overrides(artefacts, options)
        is_web = name == ORCHESTRATOR
        task_root = artefacts.task_root(logical_id)
        python = artefacts.folder / "bin" / "python"
        yield LambdaFunction(
            name=name,
            task_root=task_root,
            command=(str(task_root / "run.sh"),) if is_web else (str(python), "-m", "awslambdaric", "app.handler"),
            handler=properties["Handler"],
            adapter=adapter if is_web else None,
            environment=environment,
            memory_mb=properties["MemorySize"],
            timeout_s=(options.orchestrator_timeout_s if is_web else None) or properties["Timeout"],
            prewarmed=options.crawlers if name == CRAWLER else 0,
            retries=properties.get("EventInvokeConfig", {}).get("MaximumRetryAttempts", 0),
        )


def _variables(template: Json, properties: Json, store: str) -> dict[str, str]:
    """Return a function's environment as CloudFormation would fill it in."""
    known = {
        "Table": store,
        "Bucket": store,
        "Tenant": TENANT,
        **{name: str(template["Parameters"][name]["Default"]) for name in _PARAMETERS},
        **{logical_id: name for name, logical_id in _LOGICAL_IDS.items()},
    }
    variables: dict[str, Any] = {
        **template["Globals"]["Function"]["Environment"]["Variables"],
        **properties["Environment"]["Variables"],
    }
    return {name: _fill_in(value, known) for name, value in variables.items()}


def _fill_in(value: Any, known: Mapping[str, str]) -> str:
    """Return one value as text; a parameter that is joined is a list, empty by default."""
    if isinstance(value, dict) and "Ref" in value:
        return known[value["Ref"]]
    return "" if isinstance(value, dict) else str(value)


def _overrides(artefacts: Artefacts, options: HomeOptions) -> dict[str, str]:
    """Return what stands for /opt and /var/runtime, and what the test wants."""
    environment = {
        "LAMBDA_RUNTIME_DIR": str(artefacts.runtime),
        "PATH": artefacts.programs,
        "PYTHONDONTWRITEBYTECODE": "1",  # on Lambda the folders are read-only
        "PYTHONPATH": artefacts.python_path,
    }
    if options.allow_private:
        environment["RUNNEL_ALLOW_PRIVATE"] = options.allow_private
    return environment | dict(options.environment or {})
