"""The former location of scripts/benchmarks/run.py, with the same flags and output."""

import runpy
from pathlib import Path

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).parent / "benchmarks" / "run.py"), run_name="__main__")
