"""Former place of scripts/benchmarks/run.py: the same flags, the same output."""

import runpy
import sys
from pathlib import Path

program = Path(__file__).resolve().parent / "benchmarks" / "run.py"
sys.path[0] = str(program.parent)

if __name__ == "__main__":
    runpy.run_path(str(program), run_name="__main__")
