#!/bin/sh
# Installs Runnel and what it needs into a virtual environment: install.sh VENV run|develop
#
# * With uv: exactly uv.lock, hashes checked. Without it: venv and pip, held to the versions of uv.lock by constraints
#   (pip cannot check hashes and install the project itself in one run, so hashes are not checked there).
# * An environment that exists is kept, whatever made it; nothing in it is removed.
set -eu

venv=$1
purpose=$2

find_python() {
    # Each candidate is run, because a name on the PATH may be a shim with nothing behind it.
    for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3.14 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    echo "Runnel needs Python 3.11 or newer and found none. Install one, or name it: make PYTHON=/path/to/python3 …" >&2
    return 1
}

with_uv() {
    if [ ! -x "$venv/bin/python" ]; then
        uv venv --quiet --python "$(find_python)" "$venv"
    fi
    case $purpose in
        run) set -- --no-dev --extra local --group site ;;
        develop) set -- --all-extras ;;
    esac
    UV_PROJECT_ENVIRONMENT=$venv uv sync --quiet --frozen --inexact --python "$venv/bin/python" "$@"
}

with_pip() {
    if [ ! -x "$venv/bin/python" ]; then
        "$(find_python)" -m venv "$venv"
    fi
    "$venv/bin/python" tools/lock_constraints.py >"$venv/constraints.txt"
    # Dependency groups came with pip 25.1.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
    case $purpose in
        run) set -- -e '.[local]' --group site ;;
        develop) set -- -e '.[aws,local]' --group dev ;;
    esac
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$venv/constraints.txt" "$@"
}

echo "Installing into $venv …" >&2
if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then
    with_uv
else
    with_pip
fi
