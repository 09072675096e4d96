#!/bin/sh
# Run the GPU tests, then measure: scripts/benchmarks/gpu.sh RESULTS [flags of gpu.py].
# PYTHON chooses the interpreter; PYTEST_ARGS="-n 8" runs the tests in several processes.
# The tests decide first: figures of wrong steps are worthless.
set -u
cd "$(dirname "$0")/../.."
results=${1:?usage: scripts/benchmarks/gpu.sh RESULTS_FOLDER [flags]}
shift
mkdir -p "$results"
python=${PYTHON:-python3}
"$python" -m pytest -q -rs -p no:benchmark ${PYTEST_ARGS:-} tests/gpu > "$results/tests.txt" 2>&1
status=$?
tail -n 15 "$results/tests.txt"
"$python" scripts/benchmarks/gpu.py --out "$results" "$@" || status=$?
exit $status
