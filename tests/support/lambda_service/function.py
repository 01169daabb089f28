"""What the service must know of a function: how its process starts, and its limits.

* The environment is Lambda's own, and nothing of the machine's but the path to programs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REGION = "us-east-1"
ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaFunction:
    """A function: its command is the runtime process, an adapter runs beside it as an extension."""

    name: str
    #: The folder that Lambda would unpack to /var/task.
    task_root: Path
    command: tuple[str, ...]
    handler: str = "app.handler"
    #: The Lambda Web Adapter's binary, for a function that speaks HTTP.
    adapter: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 512
    timeout_s: float = 60.0
    #: Invocations at once, at most; None = no limit. One more is answered 429.
    concurrency: int | None = None
    #: Processes started before the first call; idle ones serve in turn, so two of them alternate.
    prewarmed: int = 0
    #: Further tries of a failed `Event` invocation.
    retries: int = 0

    @property
    def arn(self) -> str:
        """The function's name in full."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"

    def process_environment(self, runtime_api: str, web_port: int) -> dict[str, str]:
        """Return the environment of its processes; *web_port* is where its app listens for the adapter."""
        lambdas_own = {
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "test",
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_REGION": REGION,
            "LAMBDA_TASK_ROOT": str(self.task_root),
            "LANG": "en_US.UTF-8",
            "PATH": os.environ.get("PATH", os.defpath),
            "TZ": ":UTC",
            "_HANDLER": self.handler,
        }
        # The port last: every process of a function has its own here, where Lambda has a network for each.
        return lambdas_own | dict(self.environment) | {"AWS_LWA_PORT": str(web_port)}
