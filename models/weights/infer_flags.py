"""Read the flags of a network off the published names and shapes in its file.

Files hold no architecture. But the names and shapes differ with almost every flag, so a file that
does not fit can be met with the flag that was forgotten instead of a list of tensors.
"""

from collections.abc import Mapping

Shapes = Mapping[str, tuple[int, ...]]


def recognise(shapes: Shapes) -> dict[str, str]:
    """Flag -> value, e.g. ``{"--netG": "unet_256", "--norm": "batch", "--ngf": "64", ...}``.

    Empty when the names are not those of a published network. ``batch`` stands for ``syncbatch``
    as well, and a PatchGAN is always called ``n_layers``: their files are the same. Dropout shows
    in ResNets only.
    """
    convolutions = {name: shape for name, shape in shapes.items() if len(shape) == 4}
    if len(convolutions) < 3:  # fewer than any published network has
        return {}
    if convolutions.keys() >= {f"model.model.{place}.weight" for place in ("0", "1.model.1", "3")}:
        return _recognise_unet(shapes)
    blocks = _resnet_blocks(convolutions)
    if blocks and convolutions.keys() >= {"model.1.weight", _last_of_resnet(blocks)}:
        return _recognise_resnet(shapes, blocks)
    if convolutions.keys() == {"net.0.weight", "net.2.weight", "net.5.weight"}:
        return _recognise_pixel(shapes)
    places = [0, *(3 * level - 1 for level in range(1, len(convolutions)))]
    if convolutions.keys() == {f"model.{place}.weight" for place in places}:
        return _recognise_patch(shapes, layers=len(convolutions) - 2)
    return {}


def _recognise_unet(shapes: Shapes) -> dict[str, str]:
    # The name of a tensor at level k (0 is outermost) has k + 2 parts "model".
    depth = max(name.split(".").count("model") for name in shapes) - 1
    first, last = shapes["model.model.0.weight"], shapes["model.model.3.weight"]
    family = "unet" if last[0] == 2 * first[0] else "encoder_decoder"
    return {
        "--netG": f"{family}_{2**depth}",
        "--norm": _norm(shapes, conv="model.model.0", norm="model.model.1.model.2"),
        "--ngf": str(first[0]),
        "--input_nc": str(first[1]),
        "--output_nc": str(last[1]),
    }


def _recognise_resnet(shapes: Shapes, blocks: set[str]) -> dict[str, str]:
    dropout = any(len(shapes.get(f"{block}.6.weight", ())) == 4 for block in blocks)
    first, last = shapes["model.1.weight"], shapes[_last_of_resnet(blocks)]
    return {
        "--netG": f"resnet_{len(blocks)}blocks",
        "--norm": _norm(shapes, conv="model.1", norm="model.2"),
        "--dropout" if dropout else "--no_dropout": "",
        "--ngf": str(first[0]),
        "--input_nc": str(first[1]),
        "--output_nc": str(last[0]),
    }


def _resnet_blocks(convolutions: Shapes) -> set[str]:
    """``model.10.conv_block`` and so on, one for each residual block."""
    heads = (name.partition(".conv_block.") for name in convolutions)
    return {head + ".conv_block" for head, found, _ in heads if found}


def _last_of_resnet(blocks: set[str]) -> str:
    return f"model.{len(blocks) + 17}.weight"


def _recognise_pixel(shapes: Shapes) -> dict[str, str]:
    width, in_channels = shapes["net.0.weight"][:2]
    return {
        "--netD": "pixel",
        "--norm": _norm(shapes, conv="net.2", norm="net.3"),
        "--ndf": str(width),
        "input channels": str(in_channels),
    }


def _recognise_patch(shapes: Shapes, *, layers: int) -> dict[str, str]:
    width, in_channels = shapes["model.0.weight"][:2]
    return {
        "--netD": f"n_layers --n_layers_D {layers}",
        "--norm": _norm(shapes, conv="model.2", norm="model.3"),
        "--ndf": str(width),
        "input channels": str(in_channels),
    }


def _norm(shapes: Shapes, *, conv: str, norm: str) -> str:
    if f"{norm}.weight" in shapes:
        return "batch"
    return "instance" if f"{conv}.bias" in shapes else "none"
