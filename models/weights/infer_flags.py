"""Infer the flags of a network from the published names and shapes in its file.

A weights file does not describe the architecture. But names and shapes differ with almost every
flag, so the error for a file that does not fit can name the flag that was forgotten.
"""

from collections.abc import Mapping

Shapes = Mapping[str, tuple[int, ...]]
_FILTER = ".filt"  # of blurred strides, models/networks/blur.py


def infer_flags(shapes: Shapes) -> dict[str, str]:
    """Return flag -> value, e.g. ``{"--netG": "unet_256", "--norm": "batch", "--ngf": "64", ...}``.

    The result is empty if the names are not those of a published network. ``batch`` stands for
    ``syncbatch`` too, and a PatchGAN is always called ``n_layers``: their files are equal. Dropout
    can be seen in ResNets only.
    """
    convolutions = {name: shape for name, shape in shapes.items()
                    if len(shape) == 4 and not name.endswith(_FILTER)}
    if len(convolutions) < 3:  # fewer than any published network has
        return {}
    if convolutions.keys() >= {f"model.model.{place}.weight" for place in ("0", "1.model.1", "3")}:
        return _unet_flags(shapes)
    blocks = _resnet_blocks(convolutions)
    if blocks and convolutions.keys() >= {"model.1.weight", _last_of_resnet(shapes, blocks)}:
        return _resnet_flags(shapes, blocks)
    if convolutions.keys() == {"net.0.weight", "net.2.weight", "net.5.weight"}:
        return _discriminator_flags(shapes, "pixel", parent="net")
    layers = len(convolutions) - 2
    name = f"n_layers --n_layers_D {layers}"
    places = [0, *(3 * level - 1 for level in range(1, layers + 2))]
    if convolutions.keys() == {f"model.{place}.weight" for place in places}:
        return _discriminator_flags(shapes, name, parent="model")
    blurred = [0, *(4 * level - 1 for level in range(1, layers + 1)), 4 * layers + 2]
    if convolutions.keys() == {f"model.{place}.weight" for place in blurred}:
        return {**_discriminator_flags(shapes, name, parent="model", second=3),
                "--antialias_D": ""}
    return {}


def _unet_flags(shapes: Shapes) -> dict[str, str]:
    # The name of a tensor at level k (0 is outermost) has k + 2 parts "model".
    depth = max(name.split(".").count("model") for name in shapes) - 1
    first, last = shapes["model.model.0.weight"], shapes["model.model.3.weight"]
    family = "unet" if last[0] == 2 * first[0] else "encoder_decoder"
    return {"--netG": f"{family}_{2**depth}",
            "--norm": _norm(shapes, conv="model.model.0", norm="model.model.1.model.2"),
            "--ngf": str(first[0]), "--input_nc": str(first[1]), "--output_nc": str(last[1])}


def _resnet_flags(shapes: Shapes, blocks: set[str]) -> dict[str, str]:
    dropout = any(len(shapes.get(f"{block}.6.weight", ())) == 4 for block in blocks)
    first, last = shapes["model.1.weight"], shapes[_last_of_resnet(shapes, blocks)]
    filters = _filters(shapes)
    return {"--netG": f"resnet_{len(blocks)}blocks",
            "--norm": _norm(shapes, conv="model.1", norm="model.2"),
            "--dropout" if dropout else "--no_dropout": "",
            **({"--antialias": ""} if 7 in filters else {}),
            **({"--antialias_up": ""} if max(filters, default=0) > 11 else {}),
            "--ngf": str(first[0]), "--input_nc": str(first[1]), "--output_nc": str(last[0])}


def _resnet_blocks(convolutions: Shapes) -> set[str]:
    """Return ``model.10.conv_block`` and so on, one name for each residual block."""
    parts = (name.partition(".conv_block.") for name in convolutions)
    return {head + ".conv_block" for head, separator, _ in parts if separator}


def _filters(shapes: Shapes) -> set[int]:
    """Return the positions of blurred layers: 7 and 11 for the strides, later ones upwards."""
    parts = (name.split(".") for name in shapes if name.endswith(_FILTER))
    return {int(place) for model, place, _ in (part for part in parts if len(part) == 3)
            if model == "model" and place.isdecimal()}


def _last_of_resnet(shapes: Shapes, blocks: set[str]) -> str:
    return f"model.{len(blocks) + 17 + len(_filters(shapes))}.weight"


def _discriminator_flags(
    shapes: Shapes, name: str, *, parent: str, second: int = 2
) -> dict[str, str]:
    """``second``: the position of the second convolution, before which there may be a filter."""
    width, in_channels = shapes[f"{parent}.0.weight"][:2]
    norm = _norm(shapes, conv=f"{parent}.{second}", norm=f"{parent}.{second + 1}")
    return {"--netD": name, "--norm": norm,
            "--ndf": str(width), "input channels": str(in_channels)}


def _norm(shapes: Shapes, *, conv: str, norm: str) -> str:
    if f"{norm}.weight" in shapes:
        return "batch"
    return "instance" if f"{conv}.bias" in shapes else "none"
