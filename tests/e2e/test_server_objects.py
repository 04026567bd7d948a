"""Artifacts as objects of an S3-compatible storage: put before they count, fetched when asked for, and every way in which the storage fails."""
import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from urllib.parse import urlsplit

import pytest
from lwm2m_steps import IMAGE, coap, foreign
from lwm2m_tool import Firmware, Lwm2mDevice
from objects_tool import Objects
from server_tool import BUILD, Device, Server

DATA = os.urandom(300_000)
DIGEST = hashlib.sha256(DATA).hexdigest()
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def objects():
    running = Objects()
    yield running
    running.stop()


@pytest.fixture
def flags(objects, tmp_path):
    keys = tmp_path / "s3.keys"
    keys.write_text(f"AKIAIOSFODNN7EXAMPLE\n{SECRET}\n")
    keys.chmod(0o600)
    return ["--s3-url", objects.url, "--s3-keys", str(keys), "--s3-region", "eu-central-1"]


@pytest.fixture
def server(flags, tmp_path):
    running = Server(tmp_path / "state", *flags).start()
    yield running
    if running.process.poll() is None:
        running.stop()


def copies(server):
    return sorted(path.name for path in (server.state / "cache").glob("*/*"))


def forget(server):
    """As a server that never saw the artifacts: another one, or this one when room was needed."""
    for path in (server.state / "cache").iterdir():
        shutil.rmtree(path)


@pytest.fixture
def offered(server):
    """A device with an artifact that this server has no copy of."""
    release = server.foreign_release(DATA)
    device = server.add_device("d", type="gateway")
    server.deploy(release["id"], "d")
    forget(server)
    offer = device.call("GET", device.links()["deploymentBase"]).json
    device.file = offer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]["href"]
    return device


def test_an_upload_is_an_object_before_it_counts(server, objects):
    server.upload(DATA)
    assert objects.stored == {objects.key(DIGEST): DATA}
    assert copies(server) == [DIGEST]
    assert not list((server.state / "artifacts").iterdir()) and not list((server.state / "uploads").iterdir())
    server.upload(DATA)  # again: what is there is good
    reply = server.api("GET", f"/api/v1/artifacts/{DIGEST}")
    assert (reply.status, reply.body) == (200, DATA)


def test_a_device_gets_what_is_far_away_with_ranges_and_entity_tag(offered, objects, server):
    whole = offered.call("GET", offered.file)
    assert (whole.status, whole.body, whole.headers["ETag"]) == (200, DATA, f'"{DIGEST}"')
    part = offered.call("GET", offered.file, headers={"Range": "bytes=299990-", "If-Range": whole.headers["ETag"]})
    assert (part.status, part.body) == (206, DATA[-10:])
    assert offered.call("GET", offered.file, headers={"If-None-Match": whole.headers["ETag"]}).status == 304
    assert [ask for ask in objects.asked if ask[0] == "GET"] == [("GET", objects.key(DIGEST), None)], "fetched once"
    assert copies(server) == [DIGEST]


def test_a_range_is_answered_by_a_server_that_has_no_copy(offered):
    part = offered.call("GET", offered.file, headers={"Range": "bytes=1000-1999"})
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, DATA[1000:2000], f"bytes 1000-1999/{len(DATA)}")


def test_head_says_what_is_there_without_fetching_it(offered, objects, server):
    reply = server.api("HEAD", f"/api/v1/artifacts/{DIGEST}")
    assert (reply.status, reply.headers["Content-Length"]) == (200, str(len(DATA)))
    assert offered.call("HEAD", offered.file).headers["Content-Length"] == str(len(DATA))
    assert not [ask for ask in objects.asked if ask[0] == "GET"]


def test_many_devices_at_once_fetch_it_once(offered, objects):
    got, threads = [], []
    for _ in range(12):
        device = Device(offered.server, offered.name, offered.token)
        threads.append(threading.Thread(target=lambda device=device: got.append(device.call("GET", offered.file).body == DATA)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True] * 12
    assert len([ask for ask in objects.asked if ask[0] == "GET"]) == 1


@pytest.mark.parametrize("faults", [["refuse"], [500], [503, 500], [("cut", 0)], [("cut", 100_000)], [("cut", 100_000), "refuse", ("cut", 50_000)],
                                    [("cut", 100_000), "whole"], [("cut", 299_999)]], ids=str)
def test_a_fetch_goes_on_where_it_was_cut(offered, objects, faults):
    objects.fails(*faults)
    reply = offered.call("GET", offered.file)
    assert (reply.status, reply.body) == (200, DATA)
    ranges = [ask[2] for ask in objects.asked if ask[0] == "GET"]
    assert len(ranges) == len([fault for fault in faults if fault != "whole"]) + 1
    if faults[0] == ("cut", 100_000):
        assert ranges[1] == "bytes=100000-"


def test_an_outage_is_answered_with_when_to_come_again(offered, objects, server):
    objects.fails(*[500] * 4)
    reply = offered.call("GET", offered.file)
    assert reply.status == 503 and 5 <= int(reply.headers["Retry-After"]) <= 60
    assert reply.json["errorCode"] == "UD_ERR_RETRY_LATER" and not copies(server)
    objects.down = True
    assert offered.call("GET", offered.file).status == 503
    assert server.api("GET", f"/api/v1/artifacts/{DIGEST}").headers["Retry-After"]
    assert offered.call("GET").status == 200, "polls go on"
    objects.down = False
    assert offered.call("GET", offered.file).body == DATA
    objects.down = True
    assert offered.call("GET", offered.file).body == DATA, "what is here goes on without it"


def test_a_storage_that_is_not_there_takes_nothing(flags, tmp_path):
    with socket.socket() as held:  # a port that nobody listens on, and nobody else gets
        held.bind(("127.0.0.1", 0))
        running = Server(tmp_path / "alone", *flags, "--s3-url", f"http://127.0.0.1:{held.getsockname()[1]}/bucket").start()
        try:
            assert running.api("PUT", f"/api/v1/artifacts/{DIGEST}", DATA).status == 503
            assert running.api("GET", "/api/v1/whoami").status == 200
        finally:
            running.stop()


class Begun:
    """A download whose first bytes were awaited; the rest is asked for later."""

    def __init__(self, device, count, **headers):
        self.connection = device.server.connection("devices")
        self.connection.sock = None
        url = urlsplit(device.file)
        self.connection.request("GET", url.path, headers={"Authorization": f"TargetToken {device.token}", **headers})
        self.reply = self.connection.getresponse()
        self.first = self.reply.read(count)

    def rest(self):
        """What else comes, whole or not."""
        try:
            return self.reply.read(), True
        except http.client.IncompleteRead as cut:
            return cut.partial, False
        finally:
            self.connection.close()


def until(what):
    deadline = time.monotonic() + 120
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gets(objects):
    return [ask for ask in objects.asked if ask[0] == "GET"]


def test_the_first_bytes_go_out_before_the_last_ones_have_come(offered, objects, server):
    objects.hold_at = 150_000
    begun = Begun(offered, 150_000)  # the storage holds all that follows until this has come
    assert begun.reply.status == 200 and begun.reply.headers["Content-Length"] == str(len(DATA)) and begun.first == DATA[:150_000]
    assert not copies(server), "what is not whole is no copy"
    objects.released.set()
    assert begun.rest() == (DATA[150_000:], True)
    assert copies(server) == [DIGEST] and len(gets(objects)) == 1


def test_many_devices_read_what_one_fetch_brings(offered, objects, server):
    objects.hold_at = 150_000
    begun = [Begun(offered, count) for count in (1, 1000, 65_536, 149_999, 150_000)]
    begun.append(Begun(offered, 50_000, Range="bytes=100000-"))
    assert begun[-1].reply.status == 206 and begun[-1].first == DATA[100_000:150_000]
    closed = Begun(offered, 1000, Range="bytes=70000-70999")  # all that it wants is here already
    assert (closed.reply.status, closed.first, closed.rest()) == (206, DATA[70_000:71_000], (b"", True))
    objects.released.set()
    for one in begun[:-1]:
        assert one.first + one.rest()[0] == DATA
    assert begun[-1].rest() == (DATA[150_000:], True)
    assert len(gets(objects)) == 1 and copies(server) == [DIGEST]


def test_a_range_behind_what_has_come_waits_for_it(offered, objects):
    objects.hold_at = 150_000
    begun, got = Begun(offered, 150_000), []
    behind = threading.Thread(target=lambda: got.append(offered.call("GET", offered.file, headers={"Range": "bytes=200000-200999"})))
    behind.start()
    assert offered.call("GET", offered.file, headers={"Range": "bytes=149000-149999"}).body == DATA[149_000:150_000]
    assert not got, "nothing of it has come, and nothing will before we say so"
    objects.released.set()
    behind.join()
    assert (got[0].status, got[0].body) == (206, DATA[200_000:201_000])
    assert begun.rest() == (DATA[150_000:], True) and len(gets(objects)) == 1


def test_who_leaves_takes_nothing_from_the_others(offered, objects, server):
    objects.hold_at = 150_000
    stays, leaves = Begun(offered, 150_000), Begun(offered, 1)
    leaves.connection.close()
    objects.released.set()
    assert stays.rest() == (DATA[150_000:], True)
    assert copies(server) == [DIGEST]


def test_a_fetch_goes_on_when_all_have_left(offered, objects, server):
    objects.hold_at = 150_000
    Begun(offered, 1).connection.close()
    objects.released.set()
    assert offered.call("GET", offered.file).body == DATA
    assert len(gets(objects)) == 1 and copies(server) == [DIGEST]


def test_a_reader_goes_on_where_the_storage_was_cut(offered, objects):
    objects.fails(("cut", 100_000), "whole")  # its second answer is all of it, from the beginning
    begun = Begun(offered, 1)
    assert begun.first + begun.rest()[0] == DATA and [ask[2] for ask in gets(objects)] == [None, "bytes=100000-"]


@pytest.mark.parametrize("other", [bytes([DATA[0] ^ 1]) + DATA[1:], DATA[:-1], DATA + b"x", DATA[:-1] + bytes([DATA[-1] ^ 1])],
                         ids=["first byte", "short", "long", "last byte"])
def test_no_reader_gets_all_of_another_content_and_it_is_not_kept(offered, objects, server, other):
    objects.stored[objects.key(DIGEST)] = other
    objects.hold_at = 150_000
    begun = Begun(offered, 150_000)  # else it would be seen before the answer began
    assert begun.reply.status == 200 and begun.first == other[:150_000]
    objects.released.set()
    rest, whole = begun.rest()
    assert not whole and len(rest) < 150_000, "its end is held back until all was compared"
    assert not copies(server) and not list((server.state / "cache").glob("fetched-*"))
    objects.stored[objects.key(DIGEST)] = DATA
    assert offered.call("GET", offered.file).body == DATA


def test_a_small_wrong_object_is_an_error_at_once(server, objects):
    data = os.urandom(1000)
    digest = server.upload(data)
    forget(server)
    objects.fails("wrong")
    reply = server.api("GET", f"/api/v1/artifacts/{digest}")
    assert reply.status == 500 and reply.json["errorCode"] == "UD_ERR_DIGEST"
    assert not copies(server) and not list((server.state / "cache").glob("fetched-*"))
    assert server.api("GET", f"/api/v1/artifacts/{digest}").body == data


def test_an_end_that_does_not_come_ends_the_download_and_the_next_one_goes_on(flags, objects, tmp_path):
    running = Server(tmp_path / "state", *flags, "--s3-stall-s", "1").start()
    try:
        digest = running.upload(DATA)
        forget(running)
        objects.hold_at = 150_000
        connection = running.connection("people")
        connection.request("GET", f"/api/v1/artifacts/{digest}", headers={"Authorization": f"Bearer {running.token}"})
        reply = connection.getresponse()
        assert reply.status == 200
        with pytest.raises(http.client.IncompleteRead) as cut:
            reply.read()
        assert cut.value.partial == DATA[:150_000], "what had come was handed out"
        connection.close()
        assert gets(objects)[-1][2] == "bytes=150000-", "it was asked for, again and again"
        assert len(gets(objects)) == 4 and not copies(running)
        objects.released.set()
        assert running.api("GET", f"/api/v1/artifacts/{digest}", headers={"Range": "bytes=150000-"}).body == DATA[150_000:]
    finally:
        running.stop()


def test_a_storage_that_hangs_is_answered_with_when_to_come_again(flags, objects, tmp_path):
    running = Server(tmp_path / "state", *flags, "--s3-stall-s", "1").start()
    try:
        digest = running.upload(DATA)
        forget(running)
        objects.fails(*["hang"] * 4)
        reply = running.api("GET", f"/api/v1/artifacts/{digest}")
        assert (reply.status, reply.json["errorCode"]) == (503, "UD_ERR_RETRY_LATER") and reply.headers["Retry-After"]
        assert len(gets(objects)) == 4
        assert running.api("GET", f"/api/v1/artifacts/{digest}").body == DATA
    finally:
        running.stop()


def test_a_server_that_stops_does_not_wait_for_a_storage_that_hangs(offered, objects, server):
    objects.fails(*["hang"] * 4)
    waiting = offered.server.connection("devices")
    waiting.request("GET", urlsplit(offered.file).path, headers={"Authorization": f"TargetToken {offered.token}"})
    until(lambda: gets(objects))
    assert server.stop() == 0  # it waits for 20 s: no attempt is given up before 30
    waiting.close()


def test_an_object_that_is_gone_is_our_fault_not_the_devices(offered, objects):
    objects.stored.clear()
    reply = offered.call("GET", offered.file)
    assert reply.status == 500 and reply.json["errorCode"] == "UD_ERR_NOT_FOUND"


@pytest.mark.parametrize("faults", [["refuse"], [500], [503, 500, ("cut", 100_000)], [("cut", 0)], [("cut", 299_999)]], ids=str)
def test_a_put_is_tried_again(server, objects, faults):
    objects.fails(*faults)
    server.upload(DATA)
    assert objects.stored == {objects.key(DIGEST): DATA}


@pytest.mark.parametrize("faults", [[500] * 4, [403] * 4, ["refuse"] * 4, [("cut", 1000)] * 4], ids=lambda faults: str(faults[0]))
def test_what_the_storage_did_not_take_does_not_count_and_its_upload_ends_later(server, objects, faults):
    objects.fails(*faults)
    reply = server.api("PUT", f"/api/v1/artifacts/{DIGEST}", DATA)
    assert (reply.status, reply.json["errorCode"]) == (503, "UD_ERR_RETRY_LATER") and reply.headers["Retry-After"]
    assert not objects.stored and not copies(server)
    head = server.api("HEAD", f"/api/v1/artifacts/{DIGEST}")
    assert (head.status, head.headers["Upload-Offset"]) == (404, str(len(DATA))), "not one byte has to be sent again"
    reply = server.api("PUT", f"/api/v1/artifacts/{DIGEST}", b"", {"Upload-Offset": str(len(DATA)), "Upload-Length": str(len(DATA))})
    assert reply.status == 201, reply
    assert objects.stored == {objects.key(DIGEST): DATA}


def test_a_server_that_was_killed_leaves_no_half_copies(offered, objects, server):
    (server.state / "cache" / "fetched-Ab12Cd").write_bytes(b"half")
    server.kill()
    server.start()
    assert not list((server.state / "cache").glob("fetched-*"))
    again = Device(server, offered.name, offered.token)
    offer = again.call("GET", again.links()["deploymentBase"]).json
    assert again.call("GET", offer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]["href"]).body == DATA


def test_copies_make_room_for_one_another(flags, objects, tmp_path):
    running = Server(tmp_path / "small", *flags, "--artifact-cache-bytes-max", "700000").start()
    try:
        many = [os.urandom(300_000) for _ in range(3)]
        digests = [running.upload(each) for each in many[:2]]
        os.utime(running.state / "cache" / digests[1][:2] / digests[1], (1, 1))  # asked for longest ago
        digests.append(running.upload(many[2]))
        assert copies(running) == sorted([digests[0], digests[2]])
        for digest, data in zip(digests, many):
            assert running.api("GET", f"/api/v1/artifacts/{digest}").body == data
        assert len(copies(running)) == 2 and len(objects.stored) == 3
    finally:
        running.stop()


def test_check_looks_at_objects_and_backup_leaves_copies_out(server, objects, flags, tmp_path):
    server.upload(DATA)
    command = [str(BUILD / "updraftd"), "check", "--state", str(server.state), *flags]
    assert subprocess.run(command, capture_output=True, text=True, timeout=120, env=server.environment).returncode == 0
    forget(server)
    objects.stored.clear()
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, env=server.environment)
    assert result.returncode == 1 and f"artifact {DIGEST} is not there" in result.stdout
    command[1:2] = ["backup", str(tmp_path / "backup")]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env=server.environment)
    assert not (tmp_path / "backup" / "cache").exists()


def test_keys_are_read_anew_kept_from_others_and_never_shown(server, objects, tmp_path):
    keys = tmp_path / "s3.keys"
    keys.chmod(0o644)
    assert server.api("PUT", f"/api/v1/artifacts/{DIGEST}", DATA).status == 503
    keys.chmod(0o600)
    keys.write_text("AKIAOTHER\nanother-secret\na-sessions-token\n")
    assert server.api("PUT", f"/api/v1/artifacts/{DIGEST}", b"", {"Upload-Offset": str(len(DATA)), "Upload-Length": str(len(DATA))}).status == 201
    shown = json.dumps(server.api("GET", "/api/v1/server").json)
    assert "another-secret" not in shown and SECRET not in shown and objects.url in shown


@pytest.mark.parametrize("wrong", [["--s3-url", "http://10.0.0.1/bucket"], ["--s3-url", "ftp://127.0.0.1/b"], ["--s3-url", "https://h/b?x=1"],
                                   ["--s3-url", "https://user:pass@h/b"], ["--s3-url", "https://h/../b"], ["--s3-url", "https://"],
                                   ["--s3-keys", ""], ["--s3-region", "eu/../x"], ["--artifacts", "/tmp"], ["--artifact-bytes-max", "6442450944"]], ids=str)
def test_settings_that_cannot_work_are_refused(flags, tmp_path, wrong):
    with pytest.raises(RuntimeError):
        Server(tmp_path / "refused", *flags, *wrong).start()


def test_an_lwm2m_device_is_told_where_to_pull_once_it_is_here(flags, objects, tmp_path):
    running = Server(tmp_path / "state", "--listen-coap", "127.0.0.1:0", *flags).start()
    try:
        firmware = Firmware(method=0)
        release = foreign(running)
        forget(running)
        objects.fails(500)
        with Lwm2mDevice(coap(running), "d1", firmware=firmware) as device:
            device.register()
            [action] = running.deploy(release, "d1")
            end = time.monotonic() + 120
            while running.action(action)["active"]:
                assert time.monotonic() < end, running.action(action)
                time.sleep(0.1)
        assert running.action(action)["state"] == "claimed" and firmware.package == IMAGE
    finally:
        running.stop()
