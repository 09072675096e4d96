"""Import path of the original implementation, for files that were written for it."""

from compat.helpers import (
    cleanup_ddp,
    diagnose_network,
    init_ddp,
    mkdir,
    mkdirs,
    print_numpy,
)
from compat.images import save_image, tensor2im

__all__ = ["cleanup_ddp", "diagnose_network", "init_ddp", "mkdir", "mkdirs", "print_numpy",
           "save_image", "tensor2im"]
