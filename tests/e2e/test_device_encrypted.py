"""Encrypted images end to end: `updraft encrypt`, the real server, a device with keys, and devices without."""
import base64
import json
import os
import re
import shutil

import pytest

from cose_tool import cbor
from test_device import BUILD, SECTOR, Device, World, sectors_in_use, wait_for


def secret_file(path, key=bytes(range(16))):
    """The key of a group, as each of its devices holds it."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(cbor({1: 4, 2: b"group-7", -1: key}))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("encrypted"))
    world.keygen("room")  # of one device
    secret_file(world.folder / "group.cose")
    yield world
    world.close()


def encrypted(world, name, sequence, alg, *recipients, image=BUILD / "app-2", spoil=None):
    """A release that only the recipients can read."""
    words = [word for one in recipients for word in ("--recipient", world.path(one))]
    payload, info = world.folder / f"{name}.enc", world.folder / f"{name}.info"
    world.cli("encrypt", str(image), "--alg", alg, *words, "--output", str(payload), "--info", str(info))
    assert image.read_bytes()[:64] not in payload.read_bytes()
    if spoil is not None:
        content = bytearray(payload.read_bytes())
        content[spoil] ^= 1
        payload.write_bytes(content)
    envelope = world.envelope(f"{name}.suit", image, sequence,
                              more=("--payload", str(payload), "--encryption-info", str(info)))
    answer = world.cli("publish", envelope, "--payload", str(payload), "--name", name, "--version", str(sequence),
                       "--json")
    return str(json.loads(answer.stdout)["id"])


def keyed(world, name, key, **how):
    """A device that holds this file as its key."""
    device = Device(world, name, **how)
    if key is not None:
        shutil.copy(world.path(key), device.folder / "content.key")
        (device.folder / "content.key").chmod(0o600)
        settings = device.folder / "agent.ini"
        settings.write_text(settings.read_text() + "decryption_keys = content.key\n")
    return device


@pytest.mark.parametrize("alg, to, key", [
    ("A128GCM", "room.pub", "room.key"),
    ("A256CTR", "group.cose", "group.cose"),
    ("ChaCha20-Poly1305", "room.pub", "room.key"),
])
def test_an_encrypted_release_is_confirmed_by_a_device_with_its_key(world, alg, to, key):
    release = encrypted(world, f"for-{alg}", 2, alg, to)
    device = keyed(world, f"reads-{alg}", key).power_on()
    device.runs(1)
    assert world.ends(world.deploy(release, device))["state"] == "confirmed"
    assert device.runs(2)["running"]["proof"] == "signed"


def test_one_release_serves_a_group_and_a_single_device(world):
    release = encrypted(world, "for-both", 2, "A128GCM", "room.pub", "group.cose")
    for name, key in (("both-room", "room.key"), ("both-group", "group.cose")):
        device = keyed(world, name, key).power_on()
        assert world.ends(world.deploy(release, device))["state"] == "confirmed"
        device.power_off()


def test_power_lost_in_an_encrypted_download_resumes_at_its_sector(world):
    release = encrypted(world, "resumed", 2, "A128GCM", "room.pub")
    device = keyed(world, "resumes-encrypted", "room.key", rate_max=100000).power_on()
    device.runs(1)
    before = sectors_in_use(device)
    action = world.deploy(release, device)
    wait_for("20 sectors", lambda: sectors_in_use(device) >= before + 20)
    device.power_off()
    device.set_rate(0)
    device.power_on()
    assert world.ends(action)["state"] == "confirmed"
    starts = [int(n) for n in re.findall(r"event=download .* from=(\d+)", device.log_text())]
    assert starts[0] == 0 and starts[-1] >= 15 * SECTOR, device.log_text()  # some sectors are the journal's


@pytest.mark.parametrize("name, to, key, spoil, state, want", [
    ("no-key", "room.pub", None, None, "failed", "UD_ERR_NO_RECIPIENT"),
    ("other-key", "room.pub", "group.cose", None, "failed", "UD_ERR_NO_RECIPIENT"),
    ("tampered", "room.pub", "room.key", 100000, "failed", "UD_ERR_DECRYPT"),
    ("tampered-tag", "group.cose", "group.cose", -1, "failed", "UD_ERR_DECRYPT"),
])
def test_what_a_device_cannot_decrypt_is_named_and_the_old_image_runs(world, name, to, key, spoil, state, want):
    release = encrypted(world, name, 2, "A128GCM", to, spoil=spoil)
    device = keyed(world, f"refuses-{name}", key).power_on()
    device.runs(1)
    action = world.ends(world.deploy(release, device))
    assert (action["state"], action["error"], action["proof"]) == (state, want, "signed"), action
    assert device.state()["running"]["sequence"] == 1


def test_a_key_that_others_can_read_is_refused_at_the_start(world):
    device = keyed(world, "exposed", "room.key")
    (device.folder / "content.key").chmod(0o640)
    device.power_on()
    wait_for("a refusal", lambda: "part=decryption-keys err=UD_ERR_EXPOSED" in device.log_text())


def files_with(folder, secret):
    """Names of the files below a folder, or of the one file, that hold these bytes, plain, in hex or in Base64."""
    forms = {form for raw in (secret, secret[1:-2], secret[2:-1])  # Base64 of three alignments, ends cut off
             for form in (base64.b64encode(raw)[2:-4], base64.urlsafe_b64encode(raw)[2:-4])}
    forms |= {secret, secret.hex().encode(), secret.hex().upper().encode()}
    files = [folder] if folder.is_file() else [file for file in folder.rglob("*") if file.is_file()]
    return [file.name for file in files if any(form in file.read_bytes() for form in forms)]


def test_b11_no_log_and_nothing_of_the_server_holds_plaintext_or_a_key(tmp_path):
    marker, key = os.urandom(48), os.urandom(16)
    world = World(tmp_path)
    try:
        image = tmp_path / "marked"
        image.write_bytes((BUILD / "app-2").read_bytes() + marker)
        secret_file(tmp_path / "group.cose", key)
        release = encrypted(world, "marked-release", 2, "A128GCM", "group.cose", image=image)
        device = keyed(world, "marked-device", "group.cose").power_on()
        assert world.ends(world.deploy(release, device))["state"] == "confirmed"
    finally:
        world.close()  # so that what it stores is all there, and stays
    assert files_with(device.folder, marker) and files_with(device.folder, key) == ["content.key"]  # the search finds
    assert len(list((tmp_path / "state").rglob("*"))) > 5
    for place in ("state", "server.log", "marked-device.log", "marked-release.enc", "marked-release.suit", "marked-release.info"):
        assert (tmp_path / place).exists()
        assert files_with(tmp_path / place, marker) == []
        assert files_with(tmp_path / place, key) == []
