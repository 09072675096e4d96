"""The lock of a run's folder: ``.lock`` and ``.lock_owner``.

The system locks ``.lock``, and releases it when the program dies. ``.lock_owner`` names the process
and its host; it alone is the lock where the system cannot lock files.
"""

import errno
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

LOCK, OWNER = ".lock", ".lock_owner"
_SECONDS_TO_TAKE_OVER = 0.5
# Network file systems without a lock service, FUSE and others.
_CANNOT_LOCK = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
# Mount options of NFS, Lustre and SMB: locks are valid on this host only.
_LOCAL_LOCKS = {"nolock", "local_lock=all", "local_lock=flock", "localflock", "nobrl"}


def acquire(run_dir: Path, held: ExitStack) -> None:
    """Acquire both locks; ``held`` releases them.

    The library takes over ``.lock_owner`` if its process is provably dead: same host, and the
    process number is free or belongs to a process that started later.

    Raises:
        ValueError: another training has the lock, or may have it.
    """
    from filelock import SoftFileLock, Timeout

    owner = run_dir / OWNER
    try:
        proved_dead = _lock_by_system(run_dir / LOCK, held)
    except Timeout as error:
        raise ValueError(f"another training is running in {run_dir} ({_describe(owner)}); wait for "
                         "it, or give another --name") from error
    if proved_dead:
        owner.unlink(missing_ok=True)
    try:
        held.enter_context(SoftFileLock(owner, timeout=_SECONDS_TO_TAKE_OVER))
    except Timeout as error:
        raise ValueError(
            f"another training has locked {run_dir} ({_describe(owner)}), and this computer cannot "
            "check whether it still runs; wait for it, give another --name, or, if it has ended, "
            f"delete {owner}") from error


def _lock_by_system(path: Path, held: ExitStack) -> bool:
    """Return whether no process of any host has this lock now; False: the system cannot lock.

    Raises:
        Timeout: another process has the lock.
    """
    from filelock import FileLock, SoftFileLock

    if issubclass(FileLock, SoftFileLock):  # Python without fcntl
        return False
    try:
        held.enter_context(FileLock(path, timeout=0, fallback_to_soft=False))
    except OSError as error:
        if isinstance(error, TimeoutError) or error.errno not in _CANNOT_LOCK:
            raise
        return False
    return not _locks_are_local(path)


def _locks_are_local(path: Path) -> bool:
    """Return whether other hosts do not see the locks of this mounted folder: proc(5), nfs(5)."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    except OSError:  # only Linux has the file
        return False
    inside = [fields for fields in mounts
              if path.resolve().is_relative_to(fields[4].replace("\\040", " "))]
    options = max(inside, key=lambda fields: len(fields[4]), default=[""])[-1]
    return not _LOCAL_LOCKS.isdisjoint(options.split(","))


def _describe(owner: Path) -> str:
    """Return text such as "process 4711 on host gpu7, for 3:12:05", as far as the file tells."""
    try:
        age = timedelta(seconds=max(0, round(time.time() - owner.stat().st_mtime)))
        lines = owner.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "an unknown process"
    if len(lines) < 2:
        return f"an unknown process, for {age}"
    # The library appends the number of a container's process namespace to the host.
    return f"process {lines[0]} on host {lines[1].partition('?pidns-')[0]}, for {age}"
