#!/bin/bash
# The orchestrator's handler: the adapter layer's wrapper runs it in place of Lambda's own bootstrap, so the paths that the
# bootstrap would set are set here. `exec` makes uvicorn the runtime process: when the app dies the sandbox ends with it
# (the adapter alone would answer every later call with an error).
set -eu
export PYTHONPATH="/opt/python:${LAMBDA_RUNTIME_DIR:-/var/runtime}${PYTHONPATH:+:$PYTHONPATH}"
# In the template a function's reference to itself would be a circle.
export RUNNEL_SELF_FUNCTION="${RUNNEL_SELF_FUNCTION:-$AWS_LAMBDA_FUNCTION_NAME}"
# Keep-alive outlives the adapter's 4 s pool, or a connection that both sides close at once would lose a request.
exec python -m uvicorn --factory app:create --app-dir "${LAMBDA_TASK_ROOT:-.}" \
    --host 127.0.0.1 --port "${AWS_LWA_PORT:-8080}" \
    --timeout-keep-alive 900 --timeout-graceful-shutdown 1 --no-access-log --log-level warning
