"""Start a visdom server, on which training shows its losses and images live.

    python scripts/live_plots.py                     # then open http://127.0.0.1:8097
    python scripts/live_plots.py --check             # is everything installed?

At the first start npm fetches the files of the page; afterwards no network is needed. If a machine
has no network or no npm:

    python scripts/live_plots.py --write_bundle visdom_page.tar.gz       # on another machine
    python scripts/live_plots.py --bundle visdom_page.tar.gz             # on this machine, once

The server answers only programs and its own page. If the training or the browser runs on another
machine, name the address to listen on, and the host name under which they reach it:

    python scripts/live_plots.py --host 0.0.0.0 --allow_host gpu7.example.org

Ctrl-C (or SIGTERM) saves the environments and ends the server; the next start shows them again.
"""

import argparse
import importlib.metadata
import logging
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from util import interrupts

if __name__ == "__main__":
    interrupts.quit_at_signals()  # before imports that take seconds

from display import npm_packages, visdom_files
from display.live.access import Access
from options.parser import Dependency
from scripts.command_line import new_parser, refuse_unused
from util.flags import any_path, host, limits, word
from util.http_access import bind, url_of
from util.runtime import run_program

log = logging.getLogger(__name__)

_MESSAGE_BYTES = 1024**3  # visdom's own limit: one message contains a whole sheet of images


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = new_parser(__doc__)
    add = parser.add_argument
    add("--port", type=limits.any_port, default=8097,
        help="port of the server (8097); 0: any free port, which trainings need as --display_port")
    add("--host", type=host, default="127.0.0.1",
        help="address to listen on (127.0.0.1: this machine only; visdom has no password)")
    add("--allow_host", type=word, action="append", default=[], metavar="NAME",
        help="another host name by which browsers and trainings reach this server; repeatable")
    add("--env_path", type=any_path, default=Path.home() / ".visdom",
        help="folder of the saved environments (~/.visdom)")
    add("--page_files", type=any_path, default=visdom_files.FOLDER,
        help="folder of the page's files (%(default)s)")
    action = parser.add_mutually_exclusive_group().add_argument
    action("--check", action="store_true", help="print what is missing, and exit")
    action("--write_bundle", type=any_path, metavar="FILE",
           help="write the page's files into FILE (.tar.gz), and exit")
    action("--bundle", type=any_path, metavar="FILE",
           help="read the page's files from FILE instead of npm")
    args = parser.parse_args(argv)
    refuse_unused(parser, args, [Dependency(
        ("host", "port", "allow_host", "env_path"),
        lambda args: not args.check and args.write_bundle is None,
        "the server, without --check and --write_bundle,")])
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    if args.check:
        check(args.page_files)
    elif args.write_bundle is not None:
        provide_files(args.page_files, bundle=None)
        visdom_files.write_bundle(args.page_files, args.write_bundle)
        log.info("wrote %s; use it by scripts/live_plots.py --bundle FILE", args.write_bundle)
    else:
        if problem := visdom_problem():
            raise ValueError(problem)
        provide_files(args.page_files, args.bundle)
        serve(bind(args.host, args.port), env_path=args.env_path, page_files=args.page_files,
              more_names=args.allow_host)


def check(page_files: Path) -> None:
    """Log in one line what is missing; then exit with code 1 if something is missing."""
    missing = [problem] if (problem := visdom_problem()) else []
    if not visdom_files.PAGE.read(page_files):
        source = ("npm fetches them at the first start" if shutil.which("npm") else
                  "npm, which would fetch them, is not installed: use --bundle")
        missing.append(f"the files of the page are not in {page_files} ({source})")
    if missing:
        log.info("missing: %s", "; ".join(missing))
        sys.exit(1)
    log.info("nothing is missing: visdom %s, the files of its page in %s",
             visdom_files.VISDOM_VERSION, page_files)


def visdom_problem() -> str:
    """Return what is wrong with the installed package; "": nothing."""
    wanted = visdom_files.VISDOM_VERSION
    try:
        found = importlib.metadata.version("visdom")
    except importlib.metadata.PackageNotFoundError:
        return "the package visdom is not installed (see requirements.txt)"
    return "" if found == wanted else (
        f"visdom {found} is installed, but the files of the page are known for {wanted} only: "
        f"install visdom=={wanted}")


def provide_files(folder: Path, bundle: Path | None) -> None:
    """Write the page's files into the folder, from a bundle or npm, unless it has them."""
    if bundle is not None:
        files = visdom_files.from_bundle(bundle)
    elif visdom_files.PAGE.read(folder):
        return
    else:
        log.info("fetching the files of visdom's page by npm (24 MB, once) ...")
        files = visdom_files.PAGE.fetch()
    npm_packages.write(files, folder)
    if not visdom_files.PAGE.read(folder):
        raise ValueError(f"{folder} holds files that do not belong to visdom's page; remove the "
                         "folder, or name another folder by --page_files")
    log.info("the files of the page are in %s", folder)


def serve(
    bound: socket.socket, *, env_path: Path, page_files: Path, more_names: Sequence[str] = ()
) -> None:
    """Run until Ctrl-C or SIGTERM, then save the environments."""
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop

    from display.live.server import Guard, application, save_environments

    logging.getLogger().setLevel(logging.WARNING)  # visdom and tornado log every request
    for ours in (log, logging.getLogger("display.live")):
        ours.setLevel(logging.INFO)
    host, port = bound.getsockname()[:2]
    access = Access.of(host, more_names)
    app = application(port=port, env_path=env_path, page_files=page_files)
    HTTPServer(Guard(app, access), max_buffer_size=_MESSAGE_BYTES).add_socket(bound)
    loop = IOLoop.current()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.add_callback_from_signal(loop.stop))
    log.info("visdom is at %s (environments in %s; Ctrl-C saves them and ends it)",
             url_of(host, port), env_path)
    if access.any_address:
        log.warning("Everyone who reaches this address can see and change the plots: visdom has "
                    "no password. Host names that it answers to: %s, and addresses.",
                    ", ".join(sorted(access.names)))
    loop.start()
    save_environments(app, env_path)


if __name__ == "__main__":
    run_program(main)
