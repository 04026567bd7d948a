"""A device's trust store, made here from docs/formats.md section 20 without any of our C code, over a plain DDI server, with the
real bootloader and agent: rotation, a power cut in it, and what a revoked key can still do."""
import hashlib
import time
from pathlib import Path

import pytest
from cose_tool import Key, Raw, Tag, cbor
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from test_device import BUILD, wait_for, world  # noqa: F401 (a fixture)
from test_device_plain_ddi import PlainServer, plain, signed_app  # noqa: F401 (a fixture)

COPY_BYTES = 16384


def decode(data, at=0):
    """(value, end) of the CBOR that our formats use."""
    major, n = data[at] >> 5, data[at] & 31
    at += 1
    if n >= 24:
        size = 1 << (n - 24)
        n, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major < 2:
        return (n, -1 - n)[major], at
    if major < 4:
        return bytes(data[at:at + n]), at + n
    items = []
    for _ in range(n * (major - 3)):
        value, at = decode(data, at)
        items.append(value)
    return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at


def anchor(key):
    return {1: key.cose, 2: 1}


def trust_map(number, threshold, keys):
    return {1: number, 2: threshold, 3: [anchor(key) for key in keys]}


def cose_sign(payload, keys):
    """COSE_Sign, attached, body header empty."""
    signers = []
    for key in keys:
        protected = cbor({1: -7, 4: key.kid})
        signed = cbor(["Signature", b"", protected, b"", payload])
        r, s = decode_dss_signature(key.private.sign(signed, ec.ECDSA(hashes.SHA256())))
        signers.append([protected, {}, r.to_bytes(32, "big") + s.to_bytes(32, "big")])
    return cbor(Tag(98, [b"", {}, payload, signers]))


def store(number, anchors, signers, epoch=0, **more):
    body = {1: number, 2: 0, 3: trust_map(epoch, 1, anchors)}
    if "revoked" in more:
        body[6] = b"".join(key.kid for key in more["revoked"])
    if "expires" in more:
        body[5] = more["expires"]
    if "kept" in more:
        body[7] = more["kept"]
    return cbor([1, [], cose_sign(cbor(body), signers)])


def key_of(path):
    """The public half of an author's key file."""
    with open(path, "rb") as file:
        numbers = serialization.load_pem_public_key(file.read()).public_numbers()
    key = Key.__new__(Key)
    key.cose = {1: 2, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
    key.kid = hashlib.sha256(cbor(key.cose)).digest()
    return key


class Roots:
    def __init__(self):
        self.keys = [Key(), Key(), Key()]

    def give_to(self, device):
        """Provision a device with them, and with room for a store behind its other areas."""
        path = device.folder / "provisioning.cbor"
        file, _ = decode(path.read_bytes())
        size = file[9][1]
        file[9][1] = size + 2 * COPY_BYTES
        file[11] = [[size, COPY_BYTES], [size + COPY_BYTES, COPY_BYTES]]
        file[12] = Raw(cbor(trust_map(0, 2, self.keys)))
        path.write_bytes(cbor(file))
        with open(device.folder / "flash.bin", "ab") as flash:
            flash.write(bytes([file[9][4]]) * (2 * COPY_BYTES))


def offered(server, count, content, image=b""):
    """Offer, and wait for the answer number `count`: (finished, details)."""
    server.offer(content, image)
    wait_for(f"answer {count}", lambda: len(server.ends()) >= count)
    end = server.ends()[count - 1]
    return end["result"]["finished"], end["details"]


@pytest.fixture
def rooted(world, plain):  # noqa: F811
    device, server = plain
    roots = Roots()
    roots.give_to(device)
    return device, server, roots


def test_keys_rotate_and_a_revoked_one_installs_nothing_more(world, rooted):  # noqa: F811
    device, server, roots = rooted
    world.keygen("successor")
    old, new = key_of(world.path("author.pub")), key_of(world.path("successor.pub"))
    device.power_on()
    wait_for("the first start", lambda: "boot event=trust number=0 epoch=0 outcome=UD_ABSENT" in device.log_text())

    first = store(1, [old, new], roots.keys[:2])
    assert offered(server, 1, store(1, [old, new], roots.keys[:1])) == ("failure", ["UD_ERR_THRESHOLD"])
    assert offered(server, 2, store(2, [old, new], roots.keys[:2])) == ("failure", ["UD_ERR_CHAIN"])
    assert offered(server, 3, store(1, [new], roots.keys[:2], revoked=[old])) == ("failure", ["UD_ERR_STRANDED"])
    assert offered(server, 4, first)[0] == "success"
    wait_for("the store in force", lambda: "boot event=trust number=1 epoch=0 outcome=UD_OK" in device.log_text())

    image = BUILD / "app-2"
    with open(world.envelope(f"{device.name}-2.suit", image, 2, key="successor"), "rb") as file:
        assert offered(server, 5, file.read(), image.read_bytes())[0] == "success"
    assert "app version=2 slot=1 trial=yes" in device.log_text()

    assert offered(server, 6, store(2, [new], roots.keys[1:], epoch=1, revoked=[old]))[0] == "success"
    wait_for("the next store", lambda: "boot event=trust number=2 epoch=1 outcome=UD_OK" in device.log_text())
    assert offered(server, 7, *signed_app(world, device, "app-1", 3)) == ("failure", ["UD_ERR_REVOKED"])
    assert offered(server, 8, first) == ("failure", ["UD_ERR_STALE"])
    wait_for("version 2 still", lambda: "app version=2 slot=1 trial=no" in device.log_text())


def test_power_lost_in_a_rotation_leaves_one_store_whole(world, rooted):  # noqa: F811
    device, server, roots = rooted
    old = key_of(world.path("author.pub"))
    extra = Key()
    for number in range(1, 6):
        device.power_on()
        server.offer(store(number, [old, extra] if number % 2 else [old], roots.keys[:2]), b"")
        before = (device.folder / "flash.bin").read_bytes()[-2 * COPY_BYTES:]
        wait_for("a change in its areas", lambda: (device.folder / "flash.bin").read_bytes()[-2 * COPY_BYTES:] != before)
        device.power_off()
        device.power_on()
        wait_for(f"store {number}", lambda: f"boot event=trust number={number} epoch=0 outcome=UD_OK" in device.log_text())
        device.power_off()
    assert "UD_ERR" not in "".join(line for line in device.log_text().splitlines() if "event=trust" in line)


def test_damage_to_one_copy_is_repaired_and_to_both_costs_no_boot(world, rooted):  # noqa: F811
    device, server, roots = rooted
    old = key_of(world.path("author.pub"))
    device.power_on()
    assert offered(server, 1, store(1, [old, Key()], roots.keys[:2]))[0] == "success"
    wait_for("the store", lambda: "boot event=trust number=1" in device.log_text())
    device.power_off()
    path = device.folder / "flash.bin"

    def spoil(*copies):
        flash = bytearray(path.read_bytes())
        for copy in copies:
            flash[len(flash) - (2 - copy) * COPY_BYTES + 60] ^= 0x10
        path.write_bytes(flash)

    for copies, said in (((0,), "number=1"), ((1,), "number=1"), ((0, 1), "number=0")):
        spoil(*copies)
        lines = len(device.log_text().splitlines())
        device.power_on()
        wait_for("its start", lambda: any("app version=1" in line for line in device.log_text().splitlines()[lines:]))
        device.power_off()
        [line] = [line for line in device.log_text().splitlines()[lines:] if "event=trust" in line]
        assert said in line, line


def at(device, seconds):
    """On, with a clock that stands at this time since 1970 and goes on from there."""
    return device.power_on({"LD_PRELOAD": "libfaketimeMT.so.1", "LD_LIBRARY_PATH": str(next(Path("/usr/lib").glob("*/faketime"))),
                            "FAKETIME": time.strftime("@%Y-%m-%d %H:%M:%S", time.gmtime(seconds)), "TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})


def test_a18_a_clock_set_back_revives_no_store_whose_time_is_over(world, rooted):  # noqa: F811
    """Installs before the end, none behind it, none when the clock is set back afterwards; a new store is the way out."""
    device, server, roots = rooted
    old, end = key_of(world.path("author.pub")), 2_000_000_000
    (device.folder / "agent.ini").write_text((device.folder / "agent.ini").read_text().replace("[agent]", "[agent]\nclock = 1"))
    floor = device.folder / "clock.floor"
    at(device, end - 5000)
    assert offered(server, 1, store(1, [old], roots.keys[:2], expires=end))[0] == "success"
    assert offered(server, 2, *signed_app(world, device, "app-2", 2))[0] == "success"
    wait_for("a floor", lambda: floor.exists() and end - 5000 <= int(floor.read_text()) < end)
    device.power_off()

    at(device, end + 400000)
    wait_for("the floor at the end", lambda: int(floor.read_text()) == end + 1)
    assert offered(server, 3, *signed_app(world, device, "app-1", 3)) == ("failure", ["UD_ERR_TRUST_EXPIRED"])
    device.power_off()

    at(device, end - 5000)
    assert offered(server, 4, *signed_app(world, device, "app-1", 4)) == ("failure", ["UD_ERR_TRUST_EXPIRED"])
    assert offered(server, 5, store(2, [old], roots.keys[:2], expires=end + 1000000))[0] == "success"
    assert offered(server, 6, *signed_app(world, device, "app-1", 5))[0] == "success"
    device.power_off()
