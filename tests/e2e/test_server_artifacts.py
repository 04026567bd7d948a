"""Artifacts: resumable uploads, full disks, downloads by range."""
import hashlib
import os
import resource
import signal
import subprocess

import pytest
from server_tool import Server

DATA = bytes(range(256)) * 4096  # 1 MiB
DIGEST = hashlib.sha256(DATA).hexdigest()
PATH = f"/api/v1/artifacts/{DIGEST}"


def files(server):
    return [path for path in (server.state / "artifacts").rglob("*") if path.is_file()] + \
        [path for path in (server.state / "uploads").iterdir()]


def put(server, data, offset=None, total=None):
    headers = {}
    if offset is not None:
        headers["Upload-Offset"] = str(offset)
    if total is not None:
        headers["Upload-Length"] = str(total)
    return server.api("PUT", PATH, data, headers)


def test_upload_goes_on_to_the_byte_after_a_kill(server):
    assert put(server, DATA[:300_001], total=len(DATA)).headers["Upload-Offset"] == "300001"
    server.kill()
    server.start()
    head = server.api("HEAD", PATH)
    assert (head.status, head.headers["Upload-Offset"]) == (404, "300001")
    assert put(server, DATA[300_001:700_000], 300_001, len(DATA)).headers["Upload-Offset"] == "700000"
    assert put(server, DATA[700_000:], 700_000, len(DATA)).status == 201
    assert server.api("HEAD", PATH).headers["Content-Length"] == str(len(DATA))
    assert server.api("GET", PATH).body == DATA


def test_an_upload_at_another_offset_is_told_the_right_one(server):
    put(server, DATA[:1000], total=len(DATA))
    reply = put(server, DATA[2000:], 2000, len(DATA))
    assert (reply.status, reply.headers["Upload-Offset"]) == (409, "1000")
    assert put(server, DATA[1000:], 1000, len(DATA)).status == 201


def test_content_with_another_digest_is_422_and_nothing_stays(server):
    reply = put(server, DATA[:-1] + b"x")
    assert (reply.status, reply.json["errorCode"]) == (422, "UD_ERR_DIGEST")
    assert files(server) == []
    assert server.api("HEAD", PATH).status == 404


def test_a_resumed_upload_with_other_content_is_422(server):
    put(server, b"x" * 1000, total=len(DATA))
    assert put(server, DATA[1000:], 1000, len(DATA)).status == 422
    assert files(server) == []


def test_more_than_was_announced_is_refused(server):
    assert put(server, DATA, total=1000).status == 413
    assert server.api("HEAD", PATH).status == 404


def test_an_artifact_over_the_limit_is_413(tmp_path):
    server = Server(tmp_path / "state", "--artifact-bytes-max", "100000").start()
    try:
        assert put(server, DATA).status == 413
        assert put(server, DATA[:10], total=len(DATA)).status == 413
        assert files(server) == []
    finally:
        server.stop()


def test_uploading_the_same_again_is_201(server):
    assert put(server, DATA).status == 201
    assert put(server, DATA).status == 201
    assert len(files(server)) == 1


@pytest.mark.parametrize("headers", [{"Upload-Offset": "x"}, {"Upload-Offset": "-1"}, {"Upload-Length": ""},
                                     {"Upload-Length": "99999999999999999999999"}])
def test_numbers_that_are_none_are_400(server, headers):
    assert server.api("PUT", PATH, b"abc", headers).status == 400


def with_file_limit():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))


def still_works(server):
    small = b"small" * 10
    server.upload(small)
    device = server.add_device("after")
    assert device.call("GET").status == 200


def test_a_file_that_cannot_grow_is_507_and_the_service_goes_on(tmp_path):
    """The kernel refuses to let any file grow beyond 3 MiB."""
    server = Server(tmp_path / "state", preexec=with_file_limit).start()
    try:
        data = os.urandom(6 << 20)
        reply = server.api("PUT", f"/api/v1/artifacts/{hashlib.sha256(data).hexdigest()}", data)
        assert (reply.status, reply.json["errorCode"]) == (507, "UD_ERR_DISK_FULL")
        assert files(server) == []
        still_works(server)
    finally:
        server.stop()


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True).returncode != 0:
        pytest.skip("no right to mount a small file system")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_507_nothing_is_half_stored_and_the_service_goes_on(small_disk):
    server = Server(small_disk / "state").start()
    try:
        data = os.urandom(6 << 20)
        reply = server.api("PUT", f"/api/v1/artifacts/{hashlib.sha256(data).hexdigest()}", data)
        assert (reply.status, reply.json["errorCode"]) == (507, "UD_ERR_DISK_FULL")
        assert files(server) == []
        still_works(server)
    finally:
        server.stop()


# --- downloads

@pytest.fixture
def download(server):
    release = server.foreign_release(DATA)
    device = server.add_device("d1", type="gateway")
    server.deploy(release["id"], "d1")
    offer = device.call("GET", device.links()["deploymentBase"]).json
    href = offer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]["href"]
    return lambda method="GET", **headers: device.call(method, href, None,
                                                       {name.replace("_", "-"): value for name, value in headers.items()})


RANGES = [("bytes=0-0", 0, 1), ("bytes=0-", 0, len(DATA)), ("bytes=500000-", 500_000, len(DATA)),
          ("bytes=10-19", 10, 20), ("bytes=-5", len(DATA) - 5, len(DATA)), ("bytes=-9999999", 0, len(DATA)),
          ("bytes=1048575-9999999999999999999999", len(DATA) - 1, len(DATA))]


@pytest.mark.parametrize("header,first,end", RANGES)
def test_one_range_is_206_with_its_bytes(download, header, first, end):
    reply = download(Range=header)
    assert reply.status == 206
    assert reply.body == DATA[first:end]
    assert reply.headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(DATA)}"


@pytest.mark.parametrize("header", [f"bytes={len(DATA)}-", "bytes=9999999999999999999999-", "bytes=-0"])
def test_a_range_outside_is_416_with_the_size(download, header):
    reply = download(Range=header)
    assert reply.status == 416
    assert reply.headers["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize("header", ["bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=", "bytes=1"])
def test_ranges_that_we_do_not_serve_get_the_whole(download, header):
    reply = download(Range=header)
    assert (reply.status, reply.body) == (200, DATA)


def test_conditions_by_entity_tag(download):
    whole = download()
    etag = whole.headers["ETag"]
    assert whole.status == 200 and whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert "image.swu" in whole.headers["Content-Disposition"]
    assert download(If_None_Match=etag).status == 304
    assert download(If_Range=etag, Range="bytes=1-2").status == 206
    assert download(If_Range='"other"', Range="bytes=1-2").status == 200
    assert download(If_Match='"other"').status == 412
    head = download("HEAD")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(DATA)), b"")


def test_download_over_tls_is_the_same_bytes(tls_server):
    release = tls_server.foreign_release(DATA)
    device = tls_server.add_device("d1", type="gateway")
    tls_server.deploy(release["id"], "d1")
    offer = device.call("GET", device.links()["deploymentBase"]).json
    href = offer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download"]["href"]
    assert href.startswith("https://")
    assert device.call("GET", href).body == DATA
    assert device.call("GET", href, None, {"Range": "bytes=300000-900000"}).body == DATA[300_000:900_001]
