"""The stack keeps its laws, asserted on what SAM makes of the template: that, not the template, is deployed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from runnel.adapters.s3.raw_store import TAG
from tests.support.template import PROJECT, Json, load_template, resources_of_type, transform_template

FUNCTIONS = ("OrchestratorFunction", "CrawlerFunction", "ProcessorFunction")
#: Everything optional switched on, so that conditions hide nothing from cfn-lint.
EVERYTHING = {
    "Architecture": "x86_64",
    "AuthType": "AWS_IAM",
    "CorsOrigins": "https://a.example,https://b.example",
    "CrawlUrl": "https://docs.example.com/",
    "CrawlSchedule": "rate(1 day)",
    "PointInTimeRecovery": "true",
    "ReservedConcurrency": "5",
    "Secrets": "docs/token,docs/cookie",
    "TrackingParameters": "ref,source",
    "LowQualityBelow": "30",
    "AssetSizes": "0",
}
#: The only paths in which a resource may hold a star: below one tenant's prefix, and the streams of one log group.
TENANT_PATHS = re.compile(r"^\$\{Bucket\.Arn\}/t/(\*|\*/(raw|pages|batches|index)/\*)$")

#: What stands for the names of a resource where CloudFormation cannot write them into ARNs.
NAMED_SECRETS = {"StringEquals": {"secretsmanager:SecretId": {"Ref": "Secrets"}}}

#: What each role may do and nothing else, in the words of IAM.
RIGHTS = {
    "OrchestratorRole": {
        *(f"dynamodb:{verb}" for verb in ("BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem")),
        *(f"dynamodb:{verb}" for verb in ("GetItem", "PutItem", "Query", "UpdateItem")),
        *("s3:DeleteObject", "s3:GetObject", "s3:PutObject", "s3:ListBucket"),
        *("lambda:InvokeFunction", "sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents"),
        "secretsmanager:GetSecretValue",
    },
    "CrawlerRole": {"s3:PutObject", "s3:PutObjectTagging", "logs:CreateLogStream", "logs:PutLogEvents"},
    "ProcessorRole": {
        *("dynamodb:GetItem", "dynamodb:UpdateItem", "s3:GetObject", "s3:PutObject", "sqs:SendMessage"),
        *("logs:CreateLogStream", "logs:PutLogEvents"),
    },
    "ScheduleRole": {"lambda:InvokeFunction"},
}


@cache
def _transformed() -> str:
    return json.dumps(transform_template())


@pytest.fixture
def stack() -> Json:
    """What SAM makes of the template with its defaults."""
    stack: Json = json.loads(_transformed())
    return stack


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(stack: Json) -> Iterator[tuple[str, Json]]:
    """Yield every statement that grants something, with the role that gets it."""
    for name, role in resources_of_type(stack, "AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            yield from ((name, statement) for statement in policy["PolicyDocument"]["Statement"])
    for policy in resources_of_type(stack, "AWS::IAM::Policy").values():
        for role in policy["Properties"]["Roles"]:
            yield from ((role["Ref"], statement) for statement in policy["Properties"]["PolicyDocument"]["Statement"])


def is_named(resource: Any) -> bool:
    """Say whether an IAM resource names one thing, or one tenant's path in the bucket."""
    if isinstance(resource, dict) and "Fn::GetAtt" in resource:
        return True
    text = resource["Fn::Sub"] if isinstance(resource, dict) else resource
    return "*" not in text or TENANT_PATHS.match(text) is not None


def test_no_role_has_a_wildcard_action_or_resource(stack: Json) -> None:
    """A hostile page that took over a function gains only what that function needs."""
    granted = list(statements(stack))
    actions = [action for _, statement in granted for action in as_list(statement["Action"])]
    unnamed = [
        one
        for _, statement in granted
        for one in as_list(statement["Resource"])
        if not is_named(one) and statement.get("Condition") != NAMED_SECRETS
    ]

    assert granted
    assert [action for action in actions if "*" in action] == []
    assert unnamed == []


@pytest.mark.parametrize("role", sorted(RIGHTS))
def test_a_role_may_do_exactly_what_is_written_here(stack: Json, role: str) -> None:
    """A right that nobody decided on must not slip in."""
    actions = {action for name, one in statements(stack) if name == role for action in as_list(one["Action"])}

    assert actions == RIGHTS[role]


def test_no_role_takes_a_managed_policy(stack: Json) -> None:
    """Managed policies reach every log group and every trace of the account."""
    roles = resources_of_type(stack, "AWS::IAM::Role")

    assert set(roles) == set(RIGHTS)
    assert [name for name, role in roles.items() if "ManagedPolicyArns" in role["Properties"]] == []


def test_the_crawler_can_only_put_raw_objects(stack: Json) -> None:
    """The one function that reads hostile input holds the fewest rights."""
    reached = [one["Resource"] for name, one in statements(stack) if name == "CrawlerRole"]

    assert reached == [{"Fn::Sub": "${Bucket.Arn}/t/*/raw/*"}, {"Fn::GetAtt": ["CrawlerLogs", "Arn"]}]


def test_only_the_driver_may_read_secrets_and_only_those_that_the_operator_names(stack: Json) -> None:
    """A job may refer to any name: the role stands behind the code."""
    policy = stack["Resources"]["OrchestratorSecrets"]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    readers = {name for name, one in statements(stack) if "secretsmanager" in str(one["Action"])}
    variables = stack["Resources"]["OrchestratorFunction"]["Properties"]["Environment"]["Variables"]

    assert policy["Condition"] == "HasSecrets"
    assert (statement["Action"], statement["Condition"]) == ("secretsmanager:GetSecretValue", NAMED_SECRETS)
    assert statement["Resource"]["Fn::Sub"].endswith("${AWS::AccountId}:secret:*")
    assert readers == {"OrchestratorRole"}
    assert variables["RUNNEL_SECRETS"] == {"Fn::Join": [",", {"Ref": "Secrets"}]}


def test_only_the_scheduler_of_this_stack_may_use_the_schedule_role(stack: Json) -> None:
    """Without it any schedule of the account could start the orchestrator."""
    trust = stack["Resources"]["ScheduleRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]

    assert trust["Condition"]["StringEquals"]["aws:SourceArn"] == {"Fn::GetAtt": ["ScheduleGroup", "Arn"]}


def test_the_function_url_has_both_permissions(stack: Json) -> None:
    """New URLs answer 403 without the second one, and SAM writes neither for a parameter."""
    granted = {
        one["Properties"]["Action"]: one["Properties"]
        for one in resources_of_type(stack, "AWS::Lambda::Permission").values()
    }

    assert set(granted) == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    assert granted["lambda:InvokeFunction"]["InvokedViaFunctionUrl"] is True
    assert {str(one["FunctionName"]) for one in granted.values()} == {str({"Ref": "OrchestratorFunction"})}


def test_the_url_is_open_only_where_tokens_guard_it(stack: Json) -> None:
    """Under AWS_IAM nobody outside the account may call."""
    permissions = resources_of_type(stack, "AWS::Lambda::Permission").values()

    assert {one["Condition"] for one in permissions} == {"IsTokenGuarded"}


def test_the_url_streams(stack: Json) -> None:
    """A buffered URL would hold every event until the job ends."""
    url = resources_of_type(stack, "AWS::Lambda::Url")["OrchestratorFunctionUrl"]["Properties"]
    environment = stack["Resources"]["OrchestratorFunction"]["Properties"]["Environment"]["Variables"]

    assert (url["InvokeMode"], environment["AWS_LWA_INVOKE_MODE"]) == ("RESPONSE_STREAM", "response_stream")
    assert environment["AWS_LWA_ERROR_STATUS_CODES"] == "590"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_may_crawl_private_addresses(stack: Json, function: str) -> None:
    """In the cloud a private address is somebody's database; only a laptop's operator may allow one."""
    environment = stack["Resources"][function]["Properties"]["Environment"]["Variables"]

    assert "RUNNEL_ALLOW_PRIVATE" not in environment
    assert "ALLOW_PRIVATE" not in (PROJECT / "template.yaml").read_text()
    assert environment["RUNNEL_TENANT"] == {"Ref": "Tenant"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_writes_to_a_log_group_of_ours_that_expires(stack: Json, function: str) -> None:
    """A log group that Lambda makes is kept, and paid for, for ever."""
    group = stack["Resources"][function]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]

    assert stack["Resources"][group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_log_group_expires(stack: Json) -> None:
    """The same, for groups that no function names."""
    groups = resources_of_type(stack, "AWS::Logs::LogGroup")

    assert len(groups) == len(FUNCTIONS)
    assert [name for name, one in groups.items() if "RetentionInDays" not in one["Properties"]] == []


@pytest.mark.parametrize(
    ("function", "memory", "timeout"),
    [("OrchestratorFunction", 512, 900), ("CrawlerFunction", 512, 60), ("ProcessorFunction", 1024, 300)],
)
def test_a_function_has_its_memory_and_time(stack: Json, function: str, memory: int, timeout: int) -> None:
    """Hand-over, call sizes and the cost model are built on these numbers."""
    properties = stack["Resources"][function]["Properties"]

    assert (properties["MemorySize"], properties["Timeout"]) == (memory, timeout)
    assert properties["Architectures"] == [{"Ref": "Architecture"}]


@pytest.mark.parametrize("function", ["OrchestratorFunction", "ProcessorFunction"])
def test_a_lost_event_is_not_repeated_but_kept_for_a_person(stack: Json, function: str) -> None:
    """Lambda's own repeats would come on top of ours, uncounted."""
    config = stack["Resources"][f"{function}EventInvokeConfig"]["Properties"]

    assert config["MaximumRetryAttempts"] == 0
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["FailureQueue", "Arn"]}


def test_a_hand_over_may_call_itself_again_and_again(stack: Json) -> None:
    """Lambda stops a chain of about 16 calls unless it is told otherwise; ours has its own cap."""
    assert stack["Resources"]["OrchestratorFunction"]["Properties"]["RecursiveLoop"] == "Allow"


def test_the_sweep_comes_every_five_minutes_and_is_never_late(stack: Json) -> None:
    """A sweep that waited would meet the next one."""
    sweep = stack["Resources"]["SweepSchedule"]["Properties"]

    assert sweep["ScheduleExpression"] == "rate(5 minutes)"
    assert json.loads(sweep["Target"]["Input"]) == {"type": "sweep"}
    assert sweep["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 240}


def test_schedules_of_two_stacks_never_collide(stack: Json) -> None:
    """A name of our own would make the second stack of an account fail."""
    schedules = resources_of_type(stack, "AWS::Scheduler::Schedule")

    assert set(schedules) == {"SweepSchedule", "CrawlJobSchedule"}
    assert [name for name, one in schedules.items() if "Name" in one["Properties"]] == []


def test_a_scheduled_crawl_names_its_execution(stack: Json) -> None:
    """A delivery that comes twice starts one job."""
    text = stack["Resources"]["CrawlJobSchedule"]["Properties"]["Target"]["Input"]["Fn::Sub"]
    said = json.loads(text.replace("${Tenant}", "main").replace("${CrawlUrl}", "https://docs.example.com/"))

    assert said["execution_id"] == "<aws.scheduler.execution-id>"
    assert (said["type"], said["tenant"], said["url"]) == ("crawl", "main", "https://docs.example.com/")


def test_data_outlives_the_stack(stack: Json) -> None:
    """Deleting a stack must not delete a library."""
    policies = {stack["Resources"][name]["DeletionPolicy"] for name in ("Table", "Bucket")}

    assert policies == {"RetainExceptOnCreate"}


def test_raw_responses_expire_and_broken_uploads_are_cleaned(stack: Json) -> None:
    """Raw bytes are most of what a crawl stores, and every tenant's must go: a rule by prefix would reach one's."""
    rules = stack["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    by_id = {rule["Id"]: rule for rule in rules}

    tags = [f"{one['Key']}={one['Value']}" for one in by_id["expire-raw"]["TagFilters"]]

    assert tags == [TAG]
    assert by_id["expire-raw"]["ExpirationInDays"] == 30
    assert "Prefix" not in by_id["expire-raw"]
    assert "AbortIncompleteMultipartUpload" in by_id["abort-multipart"]


def test_the_bucket_is_private(stack: Json) -> None:
    """Crawled pages of protected sites lie in it."""
    assert set(stack["Resources"]["Bucket"]["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}


@pytest.mark.parametrize("parameters", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_cloudformation_accepts_the_stack(parameters: dict[str, str], tmp_path: Path) -> None:
    """`sam validate` does not expand the template, so circles of resources pass it; this does not let them."""
    template = tmp_path / "stack.json"
    template.write_text(json.dumps(transform_template(parameters)))

    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    command = [str(cfn_lint), "--regions", "us-east-1", "--", str(template)]
    lint = subprocess.run(command, capture_output=True, text=True, check=False)

    assert lint.stdout == ""
    assert lint.returncode == 0


def test_the_layer_is_built_for_the_functions_architecture() -> None:
    """Without it wheels of the building host go silently into an arm64 layer."""
    layer = load_template()["Resources"]["RunnelLayer"]

    assert layer["Metadata"] == {"BuildMethod": "python3.13", "BuildArchitecture": {"Ref": "Architecture"}}


def test_the_package_admits_the_runtimes_python() -> None:
    """The runtime is written once, in Globals; the package and its tools must fit it."""
    runtime = load_template()["Globals"]["Function"]["Runtime"]
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    oldest = tuple(int(part) for part in project["project"]["requires-python"].removeprefix(">=").split("."))
    version = tuple(int(part) for part in runtime.removeprefix("python").split("."))

    assert oldest <= version
    assert load_template()["Resources"]["RunnelLayer"]["Metadata"]["BuildMethod"] == runtime
    assert project["tool"]["mypy"]["python_version"] == ".".join(str(part) for part in oldest)
    assert project["tool"]["ruff"]["target-version"] == "py" + "".join(str(part) for part in oldest)


def test_the_layers_pins_are_those_of_the_lock_file() -> None:
    """What is deployed is what was tested; boto3 comes with Lambda's runtime."""
    lock = tomllib.loads((PROJECT / "uv.lock").read_text())
    locked = {package["name"]: package["version"] for package in lock["package"] if "version" in package}
    text = (PROJECT / "layers" / "runnel" / "requirements.txt").read_text()
    pins = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", text, flags=re.MULTILINE))

    assert pins
    assert {name: locked[name] for name in pins} == pins
    assert {"boto3", "botocore", "openai"} & pins.keys() == set()


def test_the_orchestrators_start_script_can_be_run() -> None:
    """The adapter's wrapper executes it; without its mode the function never starts."""
    script = PROJECT / "functions" / "orchestrator" / "run.sh"

    assert script.stat().st_mode & 0o777 == 0o755
    assert "exec python -m uvicorn" in script.read_text()
