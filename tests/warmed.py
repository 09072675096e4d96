"""Import for the fork server what each of its processes would import again, for 1.5 s.

Most of that time is the compiler of torch, which the first optimizer imports.
"""

import gc
from importlib import import_module

from PIL import Image

for name in ("torch._dynamo", "train", "data.aligned_dataset", "data.unaligned_dataset",
             "display.curve_drawing", "models.pix2pix_model", "models.cycle_gan_model"):
    import_module(name)
Image.init()
# The collector of a process would visit, and so copy, all these objects.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
