"""How much memory this process may still take."""

import os
from pathlib import Path


def free_memory() -> int:
    """Bytes that the machine and a container's limit leave."""
    return min(_free_of_the_machine(), *_free_of_the_container())


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


def _free_of_the_container() -> list[int]:
    """Of the control group, version 2 and version 1, where it has a limit."""
    folder = Path("/sys/fs/cgroup")
    names = [("memory.max", "memory.current")]
    names += [("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")]
    found = []
    for limit, used in names:
        try:
            found.append(int((folder / limit).read_text()) - int((folder / used).read_text()))
        except (OSError, ValueError):  # no such group; or "max", no limit
            continue
    return [max(0, free) for free in found]
