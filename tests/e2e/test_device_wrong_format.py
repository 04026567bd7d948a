"""Attack B3: the author signed, the digest is right, and what it is of is no program for this device."""
import struct

import pytest
from test_device import BUILD, Device, world  # noqa: F401 (a fixture)


def patch_of(world):  # noqa: F811
    """What a device takes instead of an image where the manifest says that it is one: here it does not."""
    world.cli("diff", str(BUILD / "app-1"), str(BUILD / "app-2"), "--output", "app.patch")
    return (world.folder / "app.patch").read_bytes()


def wrapped(_):
    """A good program behind the header of another bootloader's format."""
    image = (BUILD / "app-2").read_bytes()
    return struct.pack("<IIHHIIBBHII", 0x96f3b83d, 0, 32, 0, len(image), 0, 2, 0, 0, 0, 0) + image


def of_another_machine(_):
    image = bytearray((BUILD / "app-2").read_bytes())
    assert image[:4] == b"\x7fELF"
    image[18:20] = (0xfc, 0xfd)  # e_machine
    return bytes(image)


def envelope_of(world):  # noqa: F811
    with open(world.envelope("inner.suit", BUILD / "app-2", 2), "rb") as file:
        return file.read()


KINDS = {"patch": patch_of, "wrapped": wrapped, "machine": of_another_machine, "envelope": envelope_of}


@pytest.fixture(scope="module")
def device(world):  # noqa: F811
    device = Device(world, "formats").power_on()
    device.runs(1)
    return device


@pytest.mark.parametrize("kind", KINDS)
def test_b3_the_right_digest_of_what_is_no_program_starts_nothing(world, device, kind):  # noqa: F811
    image = world.folder / f"{kind}.bin"
    image.write_bytes(KINDS[kind](world))
    release = world.release(f"format-{kind}", image, 10 + list(KINDS).index(kind))
    action = world.ends(world.deploy(release, device))
    assert (action["state"], action["error"], action["proof"]) == ("reverted", "UD_ERR_CRASHED", "signed"), action
    assert device.runs(1)["running"]["bootReason"] == "reverted"


def test_b3_and_the_next_good_one_goes_in(world, device):  # noqa: F811
    action = world.ends(world.deploy(world.release("format-good", BUILD / "app-2", 20), device))
    assert action["state"] == "confirmed", action
