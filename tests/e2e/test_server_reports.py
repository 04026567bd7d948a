"""Signed releases: the check at the door, the offer, and that only a signed report confirms (promise P3)."""
import hashlib
import itertools
import subprocess

import pytest
from cose_tool import Key, enrolment, report
from server_tool import BUILD

COUNTER = itertools.count(1)


def updraft(*words, cwd):
    subprocess.run([str(BUILD / "updraft"), *map(str, words)], cwd=cwd, check=True, capture_output=True)


class Author:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        updraft("keygen", "--output", "author", cwd=folder)
        self.pem = (folder / "author.pub").read_text()

    def release(self, image, sequence, **more):
        (self.folder / "image.bin").write_bytes(image)
        flags = [word for name, value in more.items() for word in ([f"--{name}"] if value is True else [f"--{name}", value])]
        updraft("create", "--image", "image.bin", "--vendor", "example.com", "--class", "lock", "--sequence", sequence,
                "--output", "r.suit", *flags, cwd=self.folder)
        updraft("sign", "--key", "author.key", "r.suit", cwd=self.folder)
        return (self.folder / "r.suit").read_bytes()


def publish(server, envelope, name="app"):
    return server.api("POST", f"/api/v1/releases?name={name}&version=1.0", envelope,
                      {"Content-Type": "application/suit-envelope+cose"})


class Field:
    """A server with one author's anchor, one signed release, one device with a key."""

    def __init__(self, server, tmp_path):
        self.server, self.author, self.key = server, Author(tmp_path / "author"), Key()
        assert server.api("POST", "/api/v1/anchors", {"name": "author", "key": self.author.pem}).status == 201
        self.image = b"image 2"
        server.upload(self.image)
        self.release = publish(server, self.author.release(self.image, 2)).json
        self.device = server.add_device("lock-1", key=self.key.pem)

    def deploy(self, release=None):
        [action] = self.server.deploy((release or self.release)["id"], "lock-1")
        return action

    def offer(self, action):
        chunk = self.device.call("GET", f"/deploymentBase/{action}").json["deployment"]["chunks"][0]
        return {entry["key"]: bytes.fromhex(entry["value"]) for entry in chunk["metadata"]}, chunk["artifacts"]

    def nonce(self, action):
        return self.offer(action)[0]["updraft.nonce"]

    def make(self, key=None, release=None, image=None, **more):
        release = release or self.release
        more.setdefault("counter", next(COUNTER))
        more.setdefault("sequence", release["sequence"])
        return report(key or self.key, bytes.fromhex(release["digest"]),
                      hashlib.sha256(image or self.image).digest(), **more)

    def send(self, data):
        return self.device.call("POST", "/report", data, {"Content-Type": "application/suit-report+cose"})

    def running(self):
        return self.server.api("GET", "/api/v1/devices/lock-1").json["running"]


@pytest.fixture
def field(server, tmp_path):
    return Field(server, tmp_path)


def refused(reply, status, code):
    assert (reply.status, reply.json["errorCode"]) == (status, code), reply
    assert reply.json["remedy"]


# --- the check at the door

def test_release_is_described_as_signed(field):
    release = field.release
    assert (release["foreign"], release["sequence"], len(release["signers"])) == (False, 2, 1)
    assert [a["filename"] for a in release["artifacts"]] == ["manifest.suit", hashlib.sha256(field.image).hexdigest()]
    assert release["vendorId"] and release["classId"]
    assert field.server.api("GET", f"/api/v1/releases/{release['id']}").json == release
    envelope = field.server.api("GET", f"/api/v1/releases/{release['id']}/envelope")
    assert envelope.headers["Content-Type"] == "application/suit-envelope+cose"
    refused(publish(field.server, envelope.body), 409, "UD_ERR_CONFLICT")


def test_envelope_of_an_unknown_author_is_refused(field, tmp_path):
    stranger = Author(tmp_path / "stranger")
    refused(publish(field.server, stranger.release(field.image, 3)), 403, "UD_ERR_UNTRUSTED")


def test_envelope_is_refused_once_its_anchor_is_removed(field):
    [anchor] = field.server.api("GET", "/api/v1/anchors").json["content"]
    assert field.server.api("DELETE", f"/api/v1/anchors/{anchor['kid']}").status == 204
    refused(publish(field.server, field.author.release(field.image, 3)), 403, "UD_ERR_UNTRUSTED")


def test_unsigned_envelope_is_refused(field):
    folder = field.author.folder
    updraft("create", "--image", "image.bin", "--vendor", "example.com", "--class", "lock", "--sequence", 9, "--output",
            "u.suit", cwd=folder)
    refused(publish(field.server, (folder / "u.suit").read_bytes()), 403, "UD_ERR_UNSIGNED")


def test_altered_or_cut_envelopes_are_refused(field):
    good = field.author.release(field.image, 3)
    for at in range(0, len(good), 7):
        bad = bytearray(good)
        bad[at] ^= 1
        reply = publish(field.server, bytes(bad))
        assert reply.status in (400, 403, 422), (at, reply)
    for length in (0, 1, 10, len(good) - 1):
        assert publish(field.server, good[:length]).status in (400, 403)
    assert publish(field.server, good + b"\0").status == 400
    assert len(field.server.api("GET", "/api/v1/releases").json["content"]) == 1


def test_missing_artifacts_are_named(field):
    image = b"not uploaded yet"
    envelope = field.author.release(image, 5)
    reply = publish(field.server, envelope)
    refused(reply, 409, "UD_ERR_ARTIFACT_MISSING")
    assert reply.json["missing"] == [hashlib.sha256(image).hexdigest()]
    field.server.upload(image)
    assert publish(field.server, envelope).status == 201


def test_integrated_payload_needs_no_artifact(field):
    reply = publish(field.server, field.author.release(b"inside", 6, integrated=True))
    assert reply.status == 201
    assert [a["filename"] for a in reply.json["artifacts"]] == ["manifest.suit"]


def test_release_without_a_name_is_400(field):
    envelope = field.author.release(field.image, 7)
    for query in ("", "?name=", "?name=" + "x" * 129, "?name=%zz", "?name=a&version=" + "v" * 65):
        reply = field.server.api("POST", "/api/v1/releases" + query, envelope,
                                 {"Content-Type": "application/suit-envelope+cose"})
        assert reply.status == 400, query


# --- reports

def test_offer_of_a_signed_release_carries_nonce_digest_and_envelope(field):
    action = field.deploy()
    metadata, artifacts = field.offer(action)
    assert len(metadata["updraft.nonce"]) == 16
    assert metadata["updraft.manifest"].hex() == field.release["digest"]
    href = artifacts[0]["_links"]["download"]["href"]
    assert href.endswith("/artifacts/manifest.suit")
    beside = href.rsplit("/", 1)[0] + "/" + hashlib.sha256(field.image).hexdigest()
    assert field.device.call("GET", beside).body == field.image


def test_only_the_signed_report_confirms(field):
    action = field.deploy()
    nonce = field.nonce(action)
    field.device.feedback(action, "download", "none")
    field.device.feedback(action, "proceeding", "none", "trial")
    assert field.device.feedback(action, "closed", "success").status == 200
    claimed = field.server.action(action)
    assert (claimed["state"], claimed["active"]) == ("trial", True), "a claim leaves it open"
    assert field.send(field.make(nonce=nonce)).status == 200
    end = field.server.action(action)
    assert (end["state"], end["active"], end["proof"]) == ("confirmed", False, "signed")
    running = field.running()
    assert running["digest"] == hashlib.sha256(field.image).hexdigest()
    assert (running["sequence"], running["release"], running["bootReason"], running["proof"]) == \
        (2, field.release["id"], "normal", "signed")
    assert "deploymentBase" not in field.device.links()


def test_the_same_bytes_again_answer_as_the_first_time(field):
    action = field.deploy()
    data = field.make(nonce=field.nonce(action))
    assert field.send(data).status == 200
    history = len(field.server.action(action)["history"])
    assert field.send(data).status == 200
    assert len(field.server.action(action)["history"]) == history
    assert len(field.server.api("GET", "/api/v1/devices/lock-1/reports").json["content"]) == 1


def test_an_older_report_replayed_is_refused(field):
    old = field.make(counter=50)
    assert field.send(old).status == 200
    assert field.send(field.make(counter=60)).status == 200
    refused(field.send(old), 409, "UD_ERR_COUNTER")


@pytest.mark.parametrize("counter", [0, 49, 50])
def test_a_counter_that_does_not_grow_is_refused(field, counter):
    assert field.send(field.make(counter=50)).status == 200
    refused(field.send(field.make(counter=counter, size=5)), 409, "UD_ERR_COUNTER")


def test_a_report_of_an_earlier_action_confirms_nothing(field):
    first = field.deploy()
    old_nonce = field.nonce(first)
    assert field.send(field.make(nonce=old_nonce)).status == 200
    image = b"image 3"
    field.server.upload(image)
    release = publish(field.server, field.author.release(image, 3)).json
    second = field.deploy(release)
    refused(field.send(field.make(nonce=old_nonce, release=release, image=image)), 409, "UD_ERR_NONCE")
    refused(field.send(field.make(nonce=b"\0" * 16, release=release, image=image)), 409, "UD_ERR_NONCE")
    assert field.server.action(second)["active"]


def test_another_devices_key_is_refused(field):
    other = Key()
    field.server.add_device("lock-2", key=other.pem)
    action = field.deploy()
    nonce = field.nonce(action)
    refused(field.send(field.make(key=other, nonce=nonce)), 403, "UD_ERR_IDENTITY")
    refused(field.send(field.make(key=other, kid=field.key.kid, nonce=nonce)), 403, "UD_ERR_SIGNATURE")
    assert field.server.action(action)["active"]
    assert field.running() is None


def test_a16_what_was_offered_to_another_device_ends_nothing(field):
    """The road gives lock-1 what the server meant for lock-2. The manifest may be right for both; the offer is lock-2's alone."""
    other = Key()
    neighbour = field.server.add_device("lock-2", key=other.pem)
    [theirs] = field.server.deploy(field.release["id"], "lock-2")
    chunk = neighbour.call("GET", f"/deploymentBase/{theirs}").json["deployment"]["chunks"][0]
    [nonce] = [bytes.fromhex(entry["value"]) for entry in chunk["metadata"] if entry["key"] == "updraft.nonce"]
    assert field.device.call("GET", f"/deploymentBase/{theirs}").status == 404
    data = field.make(nonce=nonce)
    refused(field.send(data), 409, "UD_ERR_NONCE")
    refused(neighbour.call("POST", "/report", data, {"Content-Type": "application/suit-report+cose"}), 403, "UD_ERR_IDENTITY")
    assert field.running() is None
    assert field.server.action(theirs)["active"]


ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551


def second_form(data, at):
    """With the signature (r, s) at this offset as (r, n - s), which everybody can make and which verifies."""
    s = int.from_bytes(data[at + 32:at + 64], "big")
    return data[:at + 32] + (ORDER - s).to_bytes(32, "big") + data[at + 64:]


def test_e4_the_second_form_of_a_signature_is_no_new_release(field):
    envelope = field.author.release(field.image, 2)
    turned = second_form(envelope, envelope.index(b"\x58\x40") + 2)
    assert turned != envelope
    first, again = publish(field.server, envelope, "one"), publish(field.server, turned, "two")
    assert (first.status, first.json.get("errorCode")) == (again.status, again.json.get("errorCode")) == (409, "UD_ERR_CONFLICT")
    third = field.author.release(field.image, 3)
    made = publish(field.server, second_form(third, third.index(b"\x58\x40") + 2))
    assert made.status == 201, made
    refused(publish(field.server, third), 409, "UD_ERR_CONFLICT")


def test_e4_the_second_form_of_a_report_is_the_old_report(field):
    action = field.deploy()
    data = field.make(nonce=field.nonce(action))
    assert field.send(data).status == 200
    refused(field.send(second_form(data, len(data) - 64)), 409, "UD_ERR_COUNTER")
    assert field.send(data).status == 200


def test_every_altered_bit_of_a_report_is_refused(field):
    action = field.deploy()
    good = field.make(nonce=field.nonce(action))
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        reply = field.send(bytes(bad))
        assert reply.status in (400, 403), (at, reply)
    assert field.server.action(action)["active"]
    assert field.send(good).status == 200


def test_reports_of_another_shape_are_refused(field):
    for data in (b"", b"\xd2", b"x" * 1024, field.make()[:-1], field.make() + b"\0"):
        assert field.send(data).status in (400, 403)
    refused(field.send(b"x" * 60_000), 413, "UD_ERR_TOO_LARGE")


def test_success_with_another_image_is_seen_and_said(field):
    action = field.deploy()
    assert field.send(field.make(nonce=field.nonce(action), image=b"something else")).status == 200
    end = field.server.action(action)
    assert (end["state"], end["error"], end["proof"]) == ("failed", "UD_ERR_IMAGE_MISMATCH", "signed")
    assert field.running()["digest"] == hashlib.sha256(b"something else").hexdigest()


ENDS = [(48, 1, "refused", "UD_ERR_STALE"), (33, 1, "refused", "UD_ERR_SIGNATURE"), (50, 1, "refused", "UD_ERR_CLASS"),
        (70, 3, "reverted", "UD_ERR_CRASHED"), (69, 3, "reverted", "UD_ERR_UNCONFIRMED"), (64, 1, "failed", "UD_ERR_SPACE"),
        (73, 1, "canceled", "UD_ERR_CANCELED")]


@pytest.mark.parametrize("result,boot_reason,state,error", ENDS)
def test_a_report_of_failure_ends_with_its_reason(field, result, boot_reason, state, error):
    action = field.deploy()
    data = field.make(nonce=field.nonce(action), result=result, boot_reason=boot_reason, image=b"image 1", sequence=1)
    assert field.send(data).status == 200
    end = field.server.action(action)
    assert (end["state"], end["error"], end["proof"]) == (state, error, "signed")
    assert field.running()["sequence"] == 1


def test_a_signed_report_replaces_what_was_only_claimed(field):
    action = field.deploy()
    nonce = field.nonce(action)
    field.device.feedback(action, "closed", "failure", "gave up")
    assert field.server.action(action)["proof"] == "claimed"
    assert field.send(field.make(nonce=nonce)).status == 200
    assert (field.server.action(action)["state"], field.server.action(action)["proof"]) == ("confirmed", "signed")
    assert field.send(field.make(nonce=nonce, result=70)).status == 200
    assert field.server.action(action)["state"] == "confirmed", "a signed end stays"


def test_a_device_without_a_key_cannot_report(field):
    field.server.add_device("keyless")
    device = field.server.add_device("keyless-2")
    reply = device.call("POST", "/report", field.make(), {"Content-Type": "application/suit-report+cose"})
    refused(reply, 403, "UD_ERR_IDENTITY")


# --- enrolment

@pytest.fixture
def code(server):
    return server.api("POST", "/api/v1/devices", {"name": "new", "code": True}).json["code"]


def enrol(server, data, name="new"):
    return server.call("devices", "POST", f"/default/controller/v1/{name}/enrol", data, {"Content-Type": "application/cose"})


def test_enrolment_binds_the_key_and_gives_a_token_once(server, code):
    key = Key()
    reply = enrol(server, enrolment(key, "new", code))
    assert reply.status == 201
    headers = {"Authorization": f"TargetToken {reply.json['token']}"}
    assert server.call("devices", "GET", "/default/controller/v1/new", headers=headers).status == 200
    assert server.api("GET", "/api/v1/devices/new").json["kid"] == key.kid.hex()
    assert enrol(server, enrolment(Key(), "new", code)).status == 403, "a code is good once"


def test_enrolment_with_anything_wrong_is_403_and_the_code_stays_good(server, code):
    key = Key()
    server.api("POST", "/api/v1/devices", {"name": "other", "code": True})
    assert enrol(server, enrolment(key, "new", "wrong")).status == 403
    assert enrol(server, enrolment(key, "other", code), "other").status == 403
    assert enrol(server, enrolment(key, "other", code)).status == 403
    assert enrol(server, enrolment(key, "unknown", code), "unknown").status == 403
    forged = bytearray(enrolment(key, "new", code))
    forged[-1] ^= 1
    assert enrol(server, bytes(forged)).status == 403
    assert enrol(server, enrolment(key, "new", code)).status == 201


def test_a_device_with_a_code_has_no_token_before_it_enrols(server, code):
    for token in ("", code):
        headers = {"Authorization": f"TargetToken {token}"}
        assert server.call("devices", "GET", "/default/controller/v1/new", headers=headers).status == 401


def test_confirmed_state_survives_kill_9(field):
    action = field.deploy()
    assert field.send(field.make(nonce=field.nonce(action))).status == 200
    field.server.kill()
    field.server.start()
    assert field.server.action(action)["state"] == "confirmed"
    assert field.running()["sequence"] == 2


# --- a manifest that sends devices different ways

A_OR_B = """
[manifest]
sequence = 4
vendor = example.com
class = lock

[component app]

[shared]
vendor-id = example.com
class-id = lock
try = in-a, in-b, in-c
check = vendor
check = class

{shared}
[install]
try = from-a, from-b, from-c
do = fetch
check = image

{install}
[validate]
check = image
"""


def ways(author, images, inside=False):
    """An envelope in which each slot has an image of its own; `inside`: they are in it."""
    shared = install = ""
    for slot, (name, image) in enumerate(zip("abc", images)):
        (author.folder / f"app-{name}.bin").write_bytes(image)
        shared += f"[sequence in-{name}]\nslot = {slot}\ncheck = slot\nimage = app-{name}.bin\n\n"
        uri = f"#app-{name}" if inside else f"beside:app-{name}.bin"
        install += f"[sequence from-{name}]\nslot = {slot}\ncheck = slot\nuri = {uri}\n\n"
        shared += f"[integrated app-{name}]\ncontent = file:app-{name}.bin\n\n" if inside else ""
    (author.folder / "ways.ini").write_text(A_OR_B.format(shared=shared, install=install))
    updraft("create", "ways.ini", "--output", "ways.suit", cwd=author.folder)
    updraft("sign", "--key", "author.key", "ways.suit", cwd=author.folder)
    return (author.folder / "ways.suit").read_bytes()


def test_a_release_needs_the_artifacts_of_every_way_that_a_device_may_take(field):
    images = [b"image for slot a", b"image for slot b", b"image for slot c"]
    digests = [hashlib.sha256(image).hexdigest() for image in images]
    envelope = ways(field.author, images)
    field.server.upload(images[0])
    reply = publish(field.server, envelope)
    refused(reply, 409, "UD_ERR_ARTIFACT_MISSING")
    assert sorted(reply.json["missing"]) == sorted(digests[1:])
    for image in images[1:]:
        field.server.upload(image)
    release = publish(field.server, envelope)
    assert release.status == 201, release
    assert {artifact["filename"] for artifact in release.json["artifacts"]} == {"manifest.suit", *digests}


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_i1_the_image_of_whichever_way_the_device_took_confirms(field, slot):
    images = [b"image for slot a", b"image for slot b", b"image for slot c"]
    for image in images:
        field.server.upload(image)
    release = publish(field.server, ways(field.author, images)).json
    action = field.deploy(release)
    nonce = field.nonce(action)
    assert field.send(field.make(release=release, nonce=nonce, image=images[slot])).status == 200
    assert field.server.action(action)["state"] == "confirmed"
    assert field.running()["release"] == release["id"]
    # what it refuses later does not change what it runs
    other = {"digest": "00" * 32, "sequence": release["sequence"]}
    assert field.send(field.make(release=other, image=images[slot], result=34)).status == 200
    assert field.running()["release"] == release["id"]


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_i1_so_does_one_that_was_inside_the_envelope(field, slot):
    images = [b"inside for slot a", b"inside for slot b", b"inside for slot c"]
    release = publish(field.server, ways(field.author, images, inside=True)).json
    assert [part["filename"] for part in release["artifacts"]] == ["manifest.suit"]
    action = field.deploy(release)
    assert field.send(field.make(release=release, nonce=field.nonce(action), image=images[slot])).status == 200
    assert field.server.action(action)["state"] == "confirmed"
    assert field.running()["release"] == release["id"]
    other = {"digest": "00" * 32, "sequence": release["sequence"]}
    assert field.send(field.make(release=other, image=images[slot], result=34)).status == 200
    assert field.running()["release"] == release["id"]


@pytest.mark.parametrize("inside", [False, True])
def test_i1_an_image_of_no_way_does_not_confirm(field, inside):
    images = [b"image for slot a", b"image for slot b", b"image for slot c"]
    for image in images:
        field.server.upload(image)
    release = publish(field.server, ways(field.author, images, inside)).json
    action = field.deploy(release)
    assert field.send(field.make(release=release, nonce=field.nonce(action), image=b"another")).status == 200
    found = field.server.action(action)
    assert (found["state"], found["error"]) == ("failed", "UD_ERR_IMAGE_MISMATCH")
