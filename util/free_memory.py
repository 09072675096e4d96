"""Free memory of the machine, the container, this process, and a device."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import torch

CONTROL_GROUP = Path("/sys/fs/cgroup")


def free_memory() -> int:
    """Return the bytes that the machine and the limits of container and process leave free."""
    limits = [*_free_in_container(CONTROL_GROUP), *_free_in_process()]
    return min([_free_in_machine(), *limits])


def total_memory() -> int:
    """Return the bytes of memory of the machine, or of the container if it is limited."""
    limits = [] if not hasattr(os, "sysconf") else [
        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # no such group, or no limit ("max")
            limits.append(int((CONTROL_GROUP / path).read_text()))
    return min(limits, default=4 * 2**30)


def available_bytes(device: torch.device) -> int:
    """Return the free memory of the device; for the CPU, see ``free_memory``."""
    if device.type == "cuda":
        reserved = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + reserved
    return free_memory()


def _free_in_machine() -> int:
    """Return what Linux reports as available; on other systems, the physical memory."""
    info = Path("/proc/meminfo")
    if info.exists():
        lines = dict(line.split(":", 1) for line in info.read_text().splitlines())
        if "MemAvailable" in lines:
            return int(lines["MemAvailable"].split()[0]) * 1024
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 4 * 2**30  # on Windows this would need another package


def _free_in_container(folder: Path) -> list[int]:
    """Return what the limits of the control groups (version 2 and version 1) leave free.

    The kernel's file cache counts as used there, but is freed on demand: it is added again.
    """
    v2 = (folder, "memory.max", "memory.current", "file")
    v1 = (folder / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")
    free_bytes = []
    for group, limit, used, cached in (v2, v1):
        try:
            free = int((group / limit).read_text()) - int((group / used).read_text())
            lines = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            free_bytes.append(max(0, free + int(lines[cached])))
        except (OSError, ValueError, KeyError):  # no such group, or no limit ("max")
            continue
    return free_bytes


def _free_in_process() -> list[int]:
    """Return what ``ulimit -v`` and ``-d`` leave free; some clusters set these limits."""
    if sys.platform != "linux":
        return []
    import resource

    pages = [int(word) for word in Path("/proc/self/statm").read_text().split()]
    used = {resource.RLIMIT_AS: pages[0], resource.RLIMIT_DATA: pages[5]}
    limits = {kind: resource.getrlimit(kind)[0] for kind in used}
    return [max(0, limits[kind] - used[kind] * resource.getpagesize())
            for kind in used
            if limits[kind] != resource.RLIM_INFINITY]


def is_full_memory(error: BaseException) -> bool:
    """Return whether the error reports full memory, of the machine or of a GPU."""
    message = str(error).partition("\n")[0]
    signs = ("allocate memory", "not enough memory", "out of memory")
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or any(sign in message for sign in signs)
