"""Commands of `runnel` as processes of their own that are forked from one which has imported what nearly all import.

* To import costs ten times what most commands do then; a test that starts `runnel` itself (`Cli.start`) still imports.
* Only third parties and the command line's own frame are warm: what a command imports late it imports in its process.
* A command has its own session, environment, folder and files; its exit code is that of its process.
"""

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any

_WARM = ("runnel.cli.main", "runnel.cli.options", "runnel.cli.local_backend", "runnel.local.home", "turbohtml")
_MOST_BYTES = 1 << 17

Ended = tuple[int, str, str]


async def run_command(arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], stdin: str) -> Ended:
    """Run a command to its end: its exit code, its output and its talk."""
    request = json.dumps({"arguments": arguments, "folder": str(folder), "environment": dict(environment)})
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        told, tell = os.pipe()
        try:
            files = [given.fileno(), out.fileno(), err.fileno(), tell]
            socket.send_fds(_nursery(), [request.encode()], files)
        finally:
            os.close(tell)
        code = await _line_of(told)
        return int(code), _text_of(out), _text_of(err)


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


async def _line_of(descriptor: int) -> bytes:
    """What is written to a pipe until its end."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        return await reader.read()
    finally:
        transport.close()


@cache
def _nursery() -> socket.socket:
    """The process that forks, started once; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# ---- in the process that forks


def main() -> None:
    """Fork a command for each request; return, in the command's process, when it is to begin."""
    for module in _WARM:
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever waits for a command is nobody's to wait for
    with socket.socket(fileno=int(sys.argv[1])) as control:
        while True:
            request, files, _, _ = socket.recv_fds(control, _MOST_BYTES, 4)
            if not request:
                return
            if os.fork() == 0:
                break
            for file in files:
                os.close(file)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    command = os.fork()
    if command != 0:
        _, status = os.waitpid(command, 0)
        os.write(files[3], str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    _become(json.loads(request), files)


def _become(request: Any, files: Sequence[int]) -> None:
    """Be the command, as if started with its environment in its folder."""
    os.setsid()
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["-c", *request["arguments"]]
    sys.path[0] = ""
    sys.modules["runnel.cli.main"].main()


if __name__ == "__main__":
    main()
