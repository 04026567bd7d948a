"""Artifacts in object storage: moto's server, which checks nothing of a signature but speaks S3."""
import hashlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from server_tool import BUILD, Server  # noqa: E402

MOTO = "moto[server]==5.0.28"
SECRET = "a-secret-for-tests-only"


@pytest.fixture(scope="module")
def storage():
    """moto's server, in an environment of its own in the build folder."""
    folder = BUILD.parent / "moto"
    if not (folder / "bin" / "moto_server").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", MOTO], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([folder / "bin" / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(url + "/firmware", method="PUT")).read()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "the storage did not start"
            time.sleep(0.05)
    yield url
    process.terminate()
    process.wait()


OBJECT = """
import boto3, sys
storage = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
if sys.argv[2] == "get":
    sys.stdout.buffer.write(storage.get_object(Bucket="firmware", Key=sys.argv[3])["Body"].read())
else:
    storage.put_object(Bucket="firmware", Key=sys.argv[3], Body=sys.stdin.buffer.read())
"""


def by_boto(url, what, key, data=b""):
    """The same object through AWS's own client library."""
    return subprocess.run([BUILD.parent / "moto" / "bin" / "python", "-c", OBJECT, url, what, key], input=data, check=True,
                          capture_output=True).stdout


def start(folder, url, name="s", bucket="firmware"):
    server = Server(folder / name, "--s3-endpoint", url, "--s3-bucket", bucket, "--s3-key", "AKIAEXAMPLE")
    server.environment = {**os.environ, "UPDRAFTD_S3_SECRET": SECRET}
    return server.start()


def files(server):
    return [p for p in (server.state / "artifacts").rglob("*") if p.is_file()]


def test_what_is_uploaded_is_in_the_storage_and_comes_back_from_it(storage, tmp_path):
    server = start(tmp_path, storage)
    data = os.urandom(3 << 20)
    digest = server.upload(data)
    stored = by_boto(storage, "get", f"artifacts/{digest[:2]}/{digest}")
    assert hashlib.sha256(stored).hexdigest() == digest
    for file in files(server):
        file.unlink()  # the folder is a cache
    path = f"/api/v1/artifacts/{digest}"
    assert server.api("GET", path).body == data
    assert len(files(server)) == 1
    part = server.api("GET", path, headers={"Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, data[10:20])
    server.stop()
    assert SECRET not in server.log_text()


def test_a_device_gets_a_release_from_a_server_that_never_had_the_file(storage, tmp_path):
    server = start(tmp_path, storage)
    release = server.foreign_release(os.urandom(100000))["id"]
    device = server.add_device("gate-1", type="gateway")
    [action] = server.deploy(release, "gate-1")
    for file in files(server):
        file.unlink()
    base = device.call("GET", f"/deploymentBase/{action}").json
    [artifact] = base["deployment"]["chunks"][0]["artifacts"]
    got = device.call("GET", next(iter(artifact["_links"].values()))["href"])
    assert got.status == 200 and hashlib.sha256(got.body).hexdigest() == artifact["hashes"]["sha256"]
    server.stop()


def test_another_file_under_the_name_is_not_served(storage, tmp_path):
    server = start(tmp_path, storage)
    digest = server.upload(b"right" * 1000)
    for file in files(server):
        file.unlink()
    by_boto(storage, "put", f"artifacts/{digest[:2]}/{digest}", b"wrong" * 1000)
    reply = server.api("GET", f"/api/v1/artifacts/{digest}")
    assert (reply.status, reply.json["errorCode"]) == (503, "UD_ERR_DIGEST")
    assert files(server) == [] and list((server.state / "uploads").iterdir()) == []
    server.stop()


def test_an_upload_counts_only_when_the_storage_has_it(storage, tmp_path):
    server = start(tmp_path, storage, bucket="no-such-bucket")
    data = b"y" * 5000
    digest = hashlib.sha256(data).hexdigest()
    assert server.api("PUT", f"/api/v1/artifacts/{digest}", data).status >= 500
    assert server.api("HEAD", f"/api/v1/artifacts/{digest}").status == 404
    assert files(server) == []
    server.stop()
    server = start(tmp_path, storage)  # the bytes that came are still here: nothing is sent again
    reply = server.api("HEAD", f"/api/v1/artifacts/{digest}")
    assert reply.headers["Upload-Offset"] == "5000"
    reply = server.api("PUT", f"/api/v1/artifacts/{digest}", b"", {"Upload-Offset": "5000", "Upload-Length": "5000"})
    assert reply.status == 201, reply
    server.stop()
