"""Limits of numbers: what no machine can do, or no run needs, is refused at the command line."""

from util.flags.numbers import from_to

side = from_to(1, 65_535, "pixels")  # the longest side of a JPEG
offset = from_to(0, 65_535, "pixels")
width = from_to(1, 4_096, "channels")  # at 4096 a U-Net has about 100 billion weights
channels = from_to(1, 10_000, "channels")
layers = from_to(1, 20, "layers")
batch = from_to(1, 65_536, "images")
pool = from_to(0, 100_000, "images")
epochs = from_to(1, 10**9, "epochs")
more_epochs = from_to(0, 10**9, "epochs")
outputs = from_to(1, 10_000, "outputs")
port = from_to(1, 65_535, "the ports")
any_port = from_to(0, 65_535, "the ports")
window = from_to(-1, 10**6, "windows")
