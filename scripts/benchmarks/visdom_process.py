"""A visdom server to measure against, which can be stopped, killed and started anew."""

import socket
import subprocess
import sys
import time
from pathlib import Path

_SERVE = (
    "import sys; sys.argv = ['visdom', '-bind_local', '-port', sys.argv[1], '-env_path', "
    "sys.argv[2]]; from visdom.server.run_server import main; main()"
)  # the usual start fetches the files of its page first


class Server:
    """A visdom server in a process of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._command = [sys.executable, "-c", _SERVE, str(self.port), str(folder)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise ValueError("visdom did not start within 20 s; is the package installed?")

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        if self._process:
            self._process.send_signal(number)

    def points(self) -> int:
        """Of the loss curve that it holds."""
        import requests

        url = f"http://127.0.0.1:{self.port}/win_data"
        message = {"eid": "main", "win": "1"}
        with requests.Session() as session:
            session.trust_env = False  # no proxy
            reply = session.post(url, json=message, timeout=10)
        return len(reply.json()["content"]["data"][0]["x"]) if reply.text else 0
