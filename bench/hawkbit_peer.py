"""hawkBit's own update server as a peer: fetched from Maven Central into the bench's folder, in memory, over plain HTTP on loopback."""
import base64
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from common import free_port

START_S = 180
BATCH = 100


class HawkBit:
    """None is made where it cannot be had: HawkBit.start() then says why and gives None."""

    def __init__(self, folder: Path, classes: str):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        log = open(folder / "hawkbit.log", "wb")
        self.process = subprocess.Popen(["java", "-Xmx2g", "-cp", classes, "peer.Peer", f"--server.port={self.port}",
                                         f"--hawkbit.artifact.repository.path={folder / 'artifacts'}"],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    @classmethod
    def start(cls, folder: Path) -> "HawkBit | None":
        if shutil.which("mvn") is None:
            print("hawkBit is not measured: no maven here")
            return None
        folder.mkdir(parents=True, exist_ok=True)
        built = subprocess.run(["mvn", "-q", "-B", "-f", Path(__file__).parent / "hawkbit" / "pom.xml", f"-Dpeer.out={folder}", "compile",
                                "dependency:copy-dependencies"], capture_output=True, text=True)
        if built.returncode != 0:
            print(f"hawkBit is not measured: {built.stdout.strip().splitlines()[0][:200]}")
            return None
        peer = cls(folder, f"{folder}/classes:{folder}/dependency/*")
        end = time.monotonic() + START_S
        while time.monotonic() < end and peer.process.poll() is None:
            try:
                peer.call("GET", "/rest/v1/targets")
                return peer
            except OSError:
                time.sleep(0.5)
        print("hawkBit is not measured: it did not start, see hawkbit.log")
        peer.stop()
        return None

    def call(self, method: str, path: str, body=None):
        request = urllib.request.Request(self.url + path, None if body is None else json.dumps(body).encode(), method=method, headers={
            "Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(b"admin:admin").decode()})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def register(self, count: int, path: Path) -> Path:
        """Targets with tokens, and the file that updraft-load reads."""
        self.call("PUT", "/rest/v1/system/configs/authentication.targettoken.enabled", {"value": True})
        names = [(f"bench-{i:05}", f"{i:032d}") for i in range(count)]
        for at in range(0, count, BATCH):
            self.call("POST", "/rest/v1/targets", [{"controllerId": name, "name": name, "securityToken": token}
                                                   for name, token in names[at:at + BATCH]])
        path.write_text("".join(f"{name} {token}\n" for name, token in names))
        return path

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
