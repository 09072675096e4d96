"""How much memory this process may still take."""

import os
import sys
from pathlib import Path

import torch

CONTROL_GROUP = Path("/sys/fs/cgroup")


def free_memory() -> int:
    """Bytes that the machine, a container's limit and one of the process leave."""
    limits = [*_free_of_the_container(CONTROL_GROUP), *_free_of_the_process()]
    return min([_free_of_the_machine(), *limits])


def available_bytes(device: torch.device) -> int:
    """Free memory of the device; of the CPU, what the machine and a container's limit leave."""
    if device.type == "cuda":
        reserved = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + reserved
    return free_memory()


def _free_of_the_machine() -> int:
    """Linux tells what it could free; elsewhere the physical memory counts as free."""
    info = Path("/proc/meminfo")
    if info.exists():
        lines = dict(line.split(":", 1) for line in info.read_text().splitlines())
        if "MemAvailable" in lines:
            return int(lines["MemAvailable"].split()[0]) * 1024
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 4 * 2**30  # Windows does not tell without further packages


def _free_of_the_container(folder: Path) -> list[int]:
    """Of the control group, version 2 and version 1, where it has a limit.

    Files that the system keeps in memory count as used there, but give way.
    """
    v2 = (folder, "memory.max", "memory.current", "file")
    v1 = (folder / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")
    found = []
    for group, limit, used, cached in (v2, v1):
        try:
            free = int((group / limit).read_text()) - int((group / used).read_text())
            lines = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            found.append(max(0, free + int(lines[cached])))
        except (OSError, ValueError, KeyError):  # no such group; or "max", no limit
            continue
    return found


def _free_of_the_process() -> list[int]:
    """Below the limits that ``ulimit -v`` and ``-d`` set, as some clusters do."""
    if sys.platform != "linux":
        return []
    import resource

    pages = [int(word) for word in Path("/proc/self/statm").read_text().split()]
    used = {resource.RLIMIT_AS: pages[0], resource.RLIMIT_DATA: pages[5]}
    limits = {kind: resource.getrlimit(kind)[0] for kind in used}
    return [
        max(0, limits[kind] - used[kind] * resource.getpagesize())
        for kind in used
        if limits[kind] != resource.RLIM_INFINITY
    ]
