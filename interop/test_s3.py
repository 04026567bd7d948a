"""Artifacts in the object storage of moto (Python package index, 5.2.5), over TLS, where every signature is verified: what updraftd puts and fetches."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from server_tool import Server  # noqa: E402  (the folder is known only now)

FOLDER = ROOT / "interop/s3"
DATA = os.urandom(5_000_000)
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(scope="session")
def moto_python(build) -> Path:
    wanted = (FOLDER / "requirements.txt").read_text()
    folder = build.parent / "moto"
    done = folder / "installed.txt"
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
        got = subprocess.run([folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r", FOLDER / "requirements.txt"],
                             capture_output=True, text=True)
        if got.returncode != 0:
            pytest.skip(f"moto is not to be had: {got.stderr.strip().splitlines()[-1]}")
        done.write_text(wanted)
    return folder / "bin/python"


@pytest.fixture
def storage(moto_python, tmp_path):
    cert, key = tmp_path / "storage.pem", tmp_path / "storage.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    with (tmp_path / "storage.log").open("wb") as log:
        process = subprocess.Popen([moto_python, FOLDER / "storage.py", cert, key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    line = process.stdout.readline()
    assert line, (tmp_path / "storage.log").read_text()
    yield {**json.loads(line), "ca": cert, "log": tmp_path / "storage.log"}
    process.stdin.close()
    process.wait(timeout=60)


def start(storage, folder, secret=None, ca=None):
    keys = folder.parent / f"{folder.name}.keys"
    keys.write_text(f"{storage['id']}\n{secret or storage['secret']}\n")
    keys.chmod(0o600)
    return Server(folder, "--s3-url", storage["url"], "--s3-keys", str(keys), "--s3-region", "eu-central-1", "--s3-ca", str(ca or storage["ca"])).start()


def test_what_one_server_puts_there_another_hands_out(storage, tmp_path):
    server = start(storage, tmp_path / "state")
    try:
        release = server.foreign_release(DATA)
        device = server.add_device("d", type="gateway")
        server.deploy(release["id"], "d")
        # no copy here: as a server that never saw it
        shutil.rmtree(server.state / "cache" / DIGEST[:2])
        offer = device.call("GET", device.links()["deploymentBase"]).json
        place = offer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]["href"]
        part = device.call("GET", place, headers={"Range": "bytes=4999000-"})
        assert (part.status, part.body) == (206, DATA[4999000:])
        whole = device.call("GET", place)
        assert (whole.status, whole.body) == (200, DATA)
        assert "SignatureDoesNotMatch" not in server.log_text()
    finally:
        server.stop()
    asked = storage["log"].read_text()
    assert asked.count(f"PUT /artifacts/fleet/{DIGEST[:2]}/{DIGEST} HTTP/1.1\" 200") == 1
    assert asked.count(f"GET /artifacts/fleet/{DIGEST[:2]}/{DIGEST} HTTP/1.1\" 200") == 1


def test_many_who_ask_at_once_share_one_fetch(storage, tmp_path):
    server = start(storage, tmp_path / "state")
    asks = {f"bytes={first}-{last}": DATA[first:last + 1] for first, last in ((0, 999), (1_000_000, 1_999_999), (4_990_000, 4_999_999))}
    got, place = {}, f"/api/v1/artifacts/{DIGEST}"
    try:
        server.upload(DATA)
        shutil.rmtree(server.state / "cache" / DIGEST[:2])
        threads = [threading.Thread(target=lambda ask=ask: got.update({ask: server.api("GET", place, headers={"Range": ask}).body})) for ask in asks]
        threads += [threading.Thread(target=lambda n=n: got.update({n: server.api("GET", place).body})) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == {**asks, **dict.fromkeys(range(4), DATA)}
    finally:
        server.stop()
    assert storage["log"].read_text().count(f"GET /artifacts/fleet/{DIGEST[:2]}/{DIGEST} HTTP/1.1\" 200") == 1


@pytest.mark.parametrize("wrong", ["secret", "ca"])
def test_wrong_keys_and_a_wrong_certificate_end_in_come_again(storage, tmp_path, wrong):
    stranger = tmp_path / "stranger.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "s.key", "-out", stranger], check=True, capture_output=True)
    server = start(storage, tmp_path / "state", secret="x" * 40 if wrong == "secret" else None, ca=stranger if wrong == "ca" else None)
    try:
        reply = server.api("PUT", f"/api/v1/artifacts/{DIGEST}", DATA)
        assert (reply.status, reply.json["errorCode"]) == (503, "UD_ERR_RETRY_LATER")
        log = server.log_text()
        assert ("status=403" in log) == (wrong == "secret") and storage["secret"] not in log
        assert server.api("HEAD", f"/api/v1/artifacts/{DIGEST}").status == 404
    finally:
        server.stop()
    assert f"PUT /artifacts/fleet/{DIGEST[:2]}/{DIGEST} HTTP/1.1\" 200" not in storage["log"].read_text()
