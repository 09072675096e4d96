"""scripts/benchmarks/measure.py: tiles of a small TIFF, and the work for a web page."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from inference.padding import translate_any_size
from inference.prepare import prepare
from models.networks import define_G
from scripts.benchmarks.common import peak_bytes
from scripts.benchmarks.measure import main


def test_tiles_of_a_compressed_tiff_give_the_result_of_the_whole_image(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        main(["tiles", "--side", "601", "--tile", "384", "--ngf", "2", "--folder", str(tmp_path)])
    assert "601 x 601 in 9 tiles" in caplog.text
    assert peak_bytes() > 10 * 2**20
    source = tifffile.imread(tmp_path / "source.tif")
    result = tifffile.imread(tmp_path / "result" / "source.tif")
    torch.manual_seed(0)
    net = define_G(3, 3, 2, "resnet_6blocks", "instance", init_type="kaiming")
    image = torch.from_numpy(source).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        whole = translate_any_size(prepare(net, running_statistics=False), image)[0]
    expected = ((whole + 1) * 127.5).round().permute(1, 2, 0).numpy()
    assert result.shape == (601, 601, 3)
    assert np.abs(result - expected).max() <= 1
    assert result.std() > 20, "not a flat image"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_work_for_a_web_page_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        main(["web_page", "--epochs", "2", "4"])
    assert caplog.messages[0].split() == ["epoch", "bytes", "read", "bytes", "written", "rows",
                                          "calls", "CPU", "ms"]
    rows = [re.sub(",", "", message).split() for message in caplog.messages[1:]]
    assert [(int(epoch), int(count)) for epoch, _, _, count, *_ in rows] == [(2, 2), (4, 4)]
    assert all(int(number) > 1000 for _, read, written, _, calls, _ in rows
               for number in (read, written, calls))
