"""Invokes one function with a sample event: `make invoke FN=crawler EVENT=events/crawler.json`.

* crawler and processor: `sam local invoke` where a Docker engine answers, else the built function under the runtime
  interface emulator that SAM brings along. Neither needs an account.
* orchestrator: the whole stack of the tests (real adapter, all three functions), because `sam local` has no streaming
  and cannot fetch the adapter's layer without credentials.
* With RUNNEL_TABLE and RUNNEL_BUCKET in the environment these are used, with the caller's credentials; else moto's
  server stands in for DynamoDB and S3, empty at the start and gone at the end.
* The answer goes to stdout, everything else to stderr; exit code 1 when the function failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "layers" / "runnel")]

from tests.support.artefacts import Artefacts, build_once  # noqa: E402 - found by the line above
from tests.support.lambda_home import ORCHESTRATOR, HomeOptions, running_lambda_home, stack_functions  # noqa: E402
from tests.support.lambda_service.function import LambdaFunction  # noqa: E402
from tests.support.moto_server import create_bucket, create_table, running_moto  # noqa: E402
from tools.build_artefacts import ProgramMissing, find_program, find_sam  # noqa: E402

FUNCTIONS = ("orchestrator", "crawler", "processor")
LOGICAL_IDS = {"crawler": "CrawlerFunction", "processor": "ProcessorFunction"}
STORE = "runnel-invoke"
#: Settings of the caller that a function may see.
PASSED_ON = ("RUNNEL_", "AWS_")


def main(arguments: list[str] | None = None) -> int:
    """Invoke, print the answer, and say by the exit code whether the function failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("function", choices=FUNCTIONS)
    parser.add_argument("event", type=Path)
    options = parser.parse_args(arguments)
    try:
        answer = invoke(options.function, options.event.read_bytes())
    except (OSError, ProgramMissing, subprocess.CalledProcessError) as error:
        print(f"invoke: {error}", file=sys.stderr)
        return 1
    print(answer.decode(errors="replace"))
    return 1 if has_failed(answer) else 0


def invoke(function: str, event: bytes) -> bytes:
    """Return what *function* answers to *event*, wherever it can run here."""
    if function == ORCHESTRATOR:
        return _invoke_stack(event)
    with _stores() as environment:
        if _docker_answers():
            return _invoke_in_docker(function, event, environment)
        return _invoke_under_emulator(function, event, environment)


def has_failed(answer: bytes) -> bool:
    """Say whether an answer is an error: the emulator answers errors with HTTP 200, the adapter with a prelude."""
    try:
        said = json.loads(answer.partition(b"\n")[0])
    except ValueError:
        return False
    return isinstance(said, dict) and ("errorType" in said or said.get("statusCode", 200) >= 400)


@contextmanager
def _stores() -> Iterator[dict[str, str]]:
    """Give the environment of table and bucket: the caller's, or moto's for the length of the block."""
    own = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    if {"RUNNEL_TABLE", "RUNNEL_BUCKET"} <= own.keys():
        yield own
        return
    with running_moto() as moto:
        create_table(moto.dynamodb(), STORE)
        create_bucket(moto.s3(), STORE)
        yield own | moto.environment() | {"RUNNEL_TABLE": STORE, "RUNNEL_BUCKET": STORE}


def _docker_answers() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _invoke_in_docker(function: str, event: bytes, environment: Mapping[str, str]) -> bytes:
    """Run `sam local invoke`; the container shares the host's network, so that it reaches a store on loopback."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as variables:
        json.dump({LOGICAL_IDS[function]: dict(environment)}, variables)
        variables.flush()
        command = [str(find_sam()), "local", "invoke", LOGICAL_IDS[function], "--event", "-"]
        command += ["--env-vars", variables.name, "--docker-network", "host"]
        return subprocess.run(command, input=event, stdout=subprocess.PIPE, check=True, cwd=PROJECT).stdout


def _invoke_under_emulator(function: str, event: bytes, environment: Mapping[str, str]) -> bytes:
    """Start the built function as the emulator's child, and ask it once."""
    built = _function(function, build_once(), environment)
    front, api = _free_port(), _free_port()
    addresses = [
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{front}",
        "--runtime-api-address",
        f"127.0.0.1:{api}",
    ]
    process = subprocess.Popen(
        [find_emulator(), *addresses, *built.command],
        cwd=built.task_root,
        env=built.process_environment(f"127.0.0.1:{api}", 0),
        stdout=sys.stderr,
    )
    try:
        _wait_for(front, process)
        return _post(f"http://127.0.0.1:{front}/2015-03-31/functions/function/invocations", event)
    finally:
        process.terminate()
        process.wait()


def find_emulator() -> Path:
    """Return the runtime interface emulator that the SAM command line brings along."""
    machine = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    installed = find_sam().resolve().parents[1]
    pattern = f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"
    for found in installed.glob(pattern):
        return found
    raise ProgramMissing("the SAM command line is here, but not its runtime interface emulator")


def _function(name: str, artefacts: Artefacts, environment: Mapping[str, str]) -> LambdaFunction:
    options = HomeOptions(environment=dict(environment))
    every = stack_functions(artefacts, Path(), STORE, {}, options)
    return next(function for function in every if function.name == name)


def _invoke_stack(event: bytes) -> bytes:
    """Start all three functions and send the event to the orchestrator as `Invoke` does; wait for its end."""
    find_program("lambda-adapter", hint="cargo install lambda_web_adapter --version 1.0.0-rc1")
    options = HomeOptions(allow_private=os.environ.get("RUNNEL_ALLOW_PRIVATE", ""))
    with tempfile.TemporaryDirectory() as logs, running_lambda_home(Path(logs), options) as home:
        answer = home.functions.invoke(FunctionName=ORCHESTRATOR, Payload=event)["Payload"].read()
        home.service.wait_idle()
        print(home.logs(), file=sys.stderr)
    prelude, _, body = answer.partition(b"\0" * 8)
    return prelude + b"\n" + body if body else prelude


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise OSError("the emulator did not start")


def _post(url: str, body: bytes) -> bytes:
    request = urllib.request.Request(url, data=body, method="POST")  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=330) as answer:  # noqa: S310 - loopback
        content: bytes = answer.read()
        return content


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
