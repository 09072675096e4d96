"""Compile the kernels of --fused for a GPU that need not exist: compile_kernels.py CAPABILITY.

It writes one JSON list: [kernel and flags, registers of a thread, bytes of its stack].
"""

import itertools
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from triton import compile as compile_kernel
from triton.backends import nvidia
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from models.execution import kernels_backward, kernels_forward
from models.execution.fused import CHUNKS, COLS, ROWS, ROWS_BACKWARD

IMAGES = ("x", "residual", "out", "out_2", "grad", "grad_2", "grad_x")
NUMBERS = ("eps", "momentum", "slope", "slope_2")
KERNELS = (kernels_forward.statistics_kernel, kernels_forward.output_kernel,
           kernels_backward.gradient_sums_kernel, kernels_backward.input_gradient_kernel)
KINDS = (  # the flags that are set
    ("NORM", "BORDERS"), ("NORM", "RESIDUAL"), ("NORM", "AFFINE", "TRACK", "TWO"), ("BORDERS",),
)


def main() -> None:
    capability, found = int(sys.argv[1]), []
    images = ("bf16" if capability >= 80 else "fp16", "fp32")
    for kernel, kind, dtype, chunks in itertools.product(KERNELS, KINDS, images, CHUNKS):
        backward = kernel in KERNELS[2:]
        values = {"ROWS": ROWS_BACKWARD if backward else ROWS, "COLS": COLS, "CHUNKS": chunks}
        names = [name for name in kernel.arg_names if name.isupper()]
        constants = {name: values.get(name, name in kind) for name in names}
        if "CHUNKS" not in names and chunks != CHUNKS[0]:
            continue
        registers, stack = compiled(kernel, constants, dtype, capability)
        found.append([f"{kernel.__name__} {dtype} {constants}", registers, stack])
    json.dump(found, sys.stdout)


def compiled(kernel: Any, constants: dict[str, Any], dtype: str, capability: int
             ) -> tuple[int, int]:
    """Return the registers of a thread and the bytes that do not fit into them."""
    names = kernel.arg_names
    types = {name: "constexpr" if name in constants else f"*{dtype}" if name in IMAGES
             else "fp32" if name in NUMBERS else "i32" for name in names}
    types |= {name: "*fp32" for name in names if name in (
        "parts", "weight", "bias", "moments", "running_mean", "running_var", "sums",
        "grad_weight", "grad_bias")}
    aligned = {(index,): [["tt.divisibility", 16]] for index, name in enumerate(names)
               if types[name].startswith("*") or name == "channels"}
    source = ASTSource(fn=kernel, signature=types, attrs=aligned,
                       constexprs={(names.index(name),): value
                                   for name, value in constants.items()})
    binary = compile_kernel(source, target=GPUTarget("cuda", capability, 32))
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        Path(file.name).write_bytes(binary.asm["cubin"])
        tool = Path(nvidia.__file__).parent / "bin" / "cuobjdump"
        text = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True,
                              check=True).stdout
    registers, stack = re.findall(r"REG:(\d+) STACK:(\d+)", text)[0]
    return int(registers), int(stack)


if __name__ == "__main__":
    main()
