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
    if "model.model.3.weight" in shapes and "model.model.1.model.1.weight" in shapes:
        return _recognise_unet(shapes)
    if any(".conv_block." in name for name in shapes) and "model.1.weight" in shapes:
        return _recognise_resnet(shapes)
    if _is_convolution(shapes, "net.0.weight"):
        return _recognise_pixel(shapes)
    if _is_convolution(shapes, "model.0.weight"):
        return _recognise_patch(shapes)
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


def _recognise_resnet(shapes: Shapes) -> dict[str, str]:
    blocks = {name.split(".")[1] for name in shapes if ".conv_block." in name}
    dropout = any(
        name.endswith(".conv_block.6.weight") and _is_convolution(shapes, name) for name in shapes
    )
    first = shapes["model.1.weight"]
    last = shapes.get(f"model.{len(blocks) + 17}.weight", ())
    return {
        "--netG": f"resnet_{len(blocks)}blocks",
        "--norm": _norm(shapes, conv="model.1", norm="model.2"),
        "--dropout" if dropout else "--no_dropout": "",
        "--ngf": str(first[0]),
        "--input_nc": str(first[1]),
        "--output_nc": str(last[0]) if last else "?",
    }


def _recognise_pixel(shapes: Shapes) -> dict[str, str]:
    width, in_channels = shapes["net.0.weight"][:2]
    return {
        "--netD": "pixel",
        "--norm": _norm(shapes, conv="net.2", norm="net.3"),
        "--ndf": str(width),
        "input channels": str(in_channels),
    }


def _recognise_patch(shapes: Shapes) -> dict[str, str]:
    width, in_channels = shapes["model.0.weight"][:2]
    convolutions = sum(_is_convolution(shapes, name) for name in shapes)
    return {
        "--netD": f"n_layers --n_layers_D {convolutions - 2}",
        "--norm": _norm(shapes, conv="model.2", norm="model.3"),
        "--ndf": str(width),
        "input channels": str(in_channels),
    }


def _norm(shapes: Shapes, *, conv: str, norm: str) -> str:
    if f"{norm}.weight" in shapes:
        return "batch"
    return "instance" if f"{conv}.bias" in shapes else "none"


def _is_convolution(shapes: Shapes, name: str) -> bool:
    return len(shapes.get(name, ())) == 4
