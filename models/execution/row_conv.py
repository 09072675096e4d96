"""Convolutions with few output channels, in about half of the time on a CPU.

A CPU computes 8 or 16 output channels at once, a kernel of a GPU at least 32. An image has 3, so
most of the unit is idle. Here the channels of one step are several pixels of the result. The form
for GPUs is used with --fused, and is not measured on one.

    CPU: filter [3, C, 7, 7], stride 1  ->  [4 x 3, C, 10, 7], each of four one row lower, stride 4
    GPU: filter [3, C, 7, 7], stride 1  ->  [16 x 3, C, 10, 10], moved by 0..3 rows and columns

Every sum has the same terms as before, plus zeros.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

MAX_CHANNELS = 4  # a convolution with more output channels keeps the CPU busy
BLOCK = 4


class RowConv2d(nn.Conv2d):
    """[N, C, H, W] -> [N, c, H - k + 1, W - k + 1], equal to ``nn.Conv2d`` up to rounding."""

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[-2] - self.kernel_size[0] + 1  # of the result
        if x.ndim != 4 or height < 1:
            return super().forward(x)
        rows = 8 if self.out_channels <= MAX_CHANNELS // 2 else 4
        lowered = [functional.pad(self.weight, (0, 0, n, rows - 1 - n)) for n in range(rows)]
        tall = torch.cat(lowered).contiguous(memory_format=torch.channels_last)
        bias = None if self.bias is None else self.bias.repeat(rows)
        if height % rows:
            x = functional.pad(x, (0, 0, 0, -height % rows))
        y = functional.conv2d(x, tall, bias, stride=(rows, 1))
        y = y.unflatten(1, (rows, self.out_channels)).permute(0, 2, 3, 1, 4)
        result: Tensor = y.flatten(2, 3)[:, :, :height]
        return result


class BlockConv2d(nn.Conv2d):
    """[N, C, H, W] -> [N, c, H - k + 1, W - k + 1]: 4 x 4 pixels of the result in one step."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = (side - self.kernel_size[0] + 1 for side in x.shape[-2:])
        if x.ndim != 4 or height < 1 or width < 1:
            return super().forward(x)
        x = functional.pad(x, (0, -width % BLOCK, 0, -height % BLOCK))
        bias = None if self.bias is None else self.bias.repeat(BLOCK**2)
        y = functional.conv2d(x, self._moved_filters(), bias, stride=BLOCK)
        y = y.unflatten(1, (BLOCK, BLOCK, self.out_channels)).permute(0, 3, 4, 1, 5, 2)
        result: Tensor = y.flatten(4, 5).flatten(2, 3)[:, :, :height, :width]
        return result

    def _moved_filters(self) -> Tensor:
        """Return [4 * 4 * c, C, k + 3, k + 3]: the filter moved by each row and column."""
        more, side = BLOCK - 1, self.kernel_size[0] + BLOCK - 1
        padded = functional.pad(self.weight, (more,) * 4)
        windows = padded.unfold(2, side, 1).unfold(3, side, 1).flip(2, 3)  # c, C, rows, columns
        return windows.permute(2, 3, 0, 1, 4, 5).flatten(0, 2).contiguous(
            memory_format=torch.channels_last)


def use_row_conv(net: nn.Module, device: torch.device) -> None:
    """Replace the class of the convolutions that get faster, in place; weights and names stay."""
    kind = RowConv2d if device.type == "cpu" else BlockConv2d
    for module in net.modules():
        if type(module) is nn.Conv2d and _is_faster(module):  # a subclass has its own forward
            module.__class__ = kind


def _is_faster(conv: nn.Conv2d) -> bool:
    return (
        conv.out_channels <= MAX_CHANNELS
        and conv.in_channels > conv.out_channels
        and conv.kernel_size[0] >= 5  # with fewer rows, the zeros cost what is saved
        and (conv.stride, conv.padding, conv.dilation) == ((1, 1), (0, 0), (1, 1))
        and conv.groups == 1
    )
