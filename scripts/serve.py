"""Draw in a browser and see the translation of a trained network, or request it by HTTP.

    python scripts/serve.py --name demo_pix2pix            # then http://127.0.0.1:8100
    python scripts/serve.py --name demo_pix2pix --static site      # for a web host, without PyTorch
    curl --data-binary @labels.png http://127.0.0.1:8100/translate > photo.png

Only this machine can reach the server. With --host 0.0.0.0, other machines can, too, if they send
the token that it prints. Ctrl-C stops it. See docs/drawing.md.
"""

import argparse
import logging
import os
import secrets
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from util import interrupts

if __name__ == "__main__":
    interrupts.quit_at_signals()  # before imports that take seconds

from options.parser import Dependency
from scripts.command_line import (
    GENERATOR_FLAGS,
    add_generator_flags,
    new_parser,
    refuse_unused,
)
from util.flags import AUTO, any_path, gpu_list, host, limits, positive_float, positive_int, seed
from util.http_access import bind, is_this_machine
from util.packages import require_packages
from util.run_folder.layout import list_folders
from util.runtime import PRECISIONS, run_program

if TYPE_CHECKING:
    from serving.description import RunDescription
    from serving.engine import Engine

log = logging.getLogger(__name__)
_SERVER_FLAGS = Dependency(
    ("host", "port", "token", "max_bytes", "max_pixels", "max_seconds", "max_waiting",
     "no_browser"), lambda args: not args.static, "the server, without --static,")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = new_parser(__doc__)
    network = parser.add_argument_group("the network")
    add_generator_flags(network)
    add = network.add_argument
    add("--eval", action="store_true",
        help="no dropout, and batch norm with the statistics of the training, as in test.py")
    add("--seed", type=seed, default=0, help="seed of the dropout, as in test.py (%(default)s)")
    add("--dropout", action="store_true", help="the .pth file was trained with dropout")
    add("--no_dropout", action="store_true", help="the .pth file was trained without dropout")
    add("--precision", choices=(AUTO, *PRECISIONS), default=AUTO,
        help="arithmetic of the network, as in test.py (%(default)s)")
    add("--exact", action="store_true", help="choose nothing for speed on a GPU, as in test.py")
    add("--gpu_ids", type=gpu_list, metavar="N",
        help="index of the GPU; -1: the CPU (a GPU if there is one)")
    add = parser.add_argument_group("the page").add_argument
    add("--palette", type=any_path, metavar="FILE",
        help="colours of the labels, a line R G B NAME each (found in the training set)")
    add("--size", type=limits.side, help="side of the canvas in pixels (--crop_size of the run)")
    add("--static", type=any_path, metavar="DIR",
        help="write the page and the network into DIR for a web host; do not start a server")
    add("--onnxruntime_web", type=any_path, metavar="FILE",
        help="for --static: a file of `npm pack`, if npm cannot fetch the package")
    add("--no_browser", action="store_true", help="do not open the page in a browser")
    _add_server_flags(parser.add_argument_group("the server"))
    args = parser.parse_args(argv)
    if (args.name is None) == (args.weights is None):
        parser.error("give --name RUN, or --weights with a folder or a .pth file")
    if args.onnxruntime_web and not args.static:
        parser.error("--onnxruntime_web needs --static DIR: give both, or neither")
    if args.dropout and args.no_dropout:
        parser.error("--dropout and --no_dropout contradict each other")
    refuse_unused(parser, args, (*GENERATOR_FLAGS, _SERVER_FLAGS))
    return args


def _add_server_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--host", type=host, default="127.0.0.1",
        help="address (%(default)s, only for this machine; other addresses require a token)")
    add("--port", type=limits.any_port, default=8100, help="0: any free port (%(default)s)")
    add("--token", type=token, help="token that clients must send (a new one at every start)")
    add("--max_bytes", type=positive_int, default=8 * 2**20, help="largest upload (%(default)s)")
    add("--max_pixels", type=positive_int, default=2048 * 2048, help="largest image (%(default)s)")
    add("--max_seconds", type=positive_float, default=30.0,
        help="maximum time from a request to its answer (%(default)s)")
    add("--max_waiting", type=positive_int, default=32, help="most open requests (%(default)s)")


def token(text: str) -> str:
    if not text or not all("!" <= character <= "~" for character in text):
        raise argparse.ArgumentTypeError("must be printable ASCII characters without blanks, got "
                                         f"{text!r}")
    return text


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    path = args.weights or args.checkpoints_dir / args.name
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; runs in {args.checkpoints_dir}: "
                                f"{list_folders(args.checkpoints_dir)}. Choose one of them, or try "
                                "`make draw`")
    if args.static:
        write_static(args, path)
    else:
        run_server(args, path)


def load(args: argparse.Namespace, path: Path) -> "tuple[Engine, RunDescription]":
    from serving.description import describe
    from serving.engine import Engine
    from util.runtime import choose_device, describe_device

    device = choose_device(args.gpu_ids)
    log.info("device: %s", describe_device(device))
    flags = {"no_dropout": args.no_dropout} if args.dropout or args.no_dropout else {}
    engine = Engine.load(path, direction=args.direction, epoch=args.epoch, ema=args.ema,
                         weights_key=args.weights_key, device=device, seed=args.seed,
                         running_statistics=args.eval, precision=args.precision, exact=args.exact,
                         **flags)
    return engine, describe(engine, path, palette_file=args.palette, side=args.size)


def write_static(args: argparse.Namespace, path: Path) -> None:
    require_packages("the export of the network", "onnx", "onnxruntime")
    from serving.static_site import write_site

    engine, description = load(args, path)
    write_site(args.static, engine, description, epoch=args.epoch,
               run_dir=path if path.is_dir() else None, archive=args.onnxruntime_web)


def run_server(args: argparse.Namespace, path: Path) -> None:
    require_packages("the server", "fastapi", "fastapi_offline", "uvicorn")
    from serving.run_server import address, serve
    from serving.server import create_app
    from serving.service import Limits

    bound = bind(args.host, args.port)  # before the slow part, so a port in use is reported early
    engine, description = load(args, path)
    engine.warm_up(description.size)
    limits = Limits(args.max_bytes, args.max_pixels, seconds=args.max_seconds,
                    waiting=args.max_waiting)
    secret = args.token or (None if is_this_machine(args.host) else secrets.token_urlsafe(16))
    app = create_app(engine, description, limits, token=secret)
    url = address(args.host, bound.getsockname()[1], secret)
    # The port is open already: a request that comes before the server runs waits for it.
    log.info("%s is at %s (Ctrl-C stops the server)", description.name, url)
    if not args.no_browser and has_screen():
        Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    serve(app, bound)


def has_screen() -> bool:
    """Return False without a display: some systems would then open a browser in the terminal."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


if __name__ == "__main__":
    run_program(main)
