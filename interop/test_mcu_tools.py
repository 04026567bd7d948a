"""MCUmgr's own tools against our bootloader on the emulated microcontroller.

They come from the Python package index, pinned, into a folder of their own under build/; without it these tests say so.
"""
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from mcu_tool import STATUS_CUT  # noqa: E402  (the folder is known only now)
from test_mcu import FIRMWARE, UPDRAFT, Device, Works, make_envelope  # noqa: E402
from test_mcu_swap import AREAS, SECTOR  # noqa: E402

CUTS = 12
HEADER = 0x200
BRING_BACK = ROOT / "interop/mcu/bring_back.py"

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make interop` builds the firmware and runs this")


@pytest.fixture(scope="session")
def tools(mcu_tools) -> Path:
    return mcu_tools


@pytest.fixture(scope="session")
def works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("works"))


def test_smpclient_brings_a_dead_board_back(tools, works, tmp_path):
    device = Device(works, tmp_path / "device", "boot-serial")
    device.patch(b"app version=1", b"app version=7")
    with device.power_on(serial="pty") as chip:
        port = re.search(r"redirected to (\S+)", chip.line())[1]
        run = subprocess.run([tools / "python", BRING_BACK, port, works.envelopes[2], works.images[2]],
                             capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, run.stderr
        said = {}
        for line in run.stdout.splitlines():
            step = json.loads(line)
            said[step["step"]] = step
        assert said["echo"]["said"] == "anybody there?"
        assert [image["bootable"] for image in said["before"]["images"]] == [False, False]
        assert said["upload"] == {"step": "upload", "image": 1, "bytes": works.images[2].stat().st_size}
        pending = said["after"]["images"][1]
        assert pending == {"slot": 1, "version": "2", "bootable": True, "pending": True,
                           "hash": hashlib.sha256(works.images[2].read_bytes()).hexdigest()}
        assert (said["test"]["ok"], said["wrong"]["ok"], said["reset"]["ok"]) == (True, False, True)
    app = device.start()
    assert app["version"] == "2"


def test_smpmgr_brings_a_dead_board_back(tools, works, tmp_path):
    """The command line that people type: envelope, image, reset."""
    device = Device(works, tmp_path / "device", "boot-serial")
    device.patch(b"app version=1", b"app version=7")
    with device.power_on(serial="pty") as chip:
        port = re.search(r"redirected to (\S+)", chip.line())[1]
        for words in (["image", "upload", "--format", "any", "--slot", "0", works.envelopes[2]],
                      ["image", "upload", "--format", "any", "--slot", "1", works.images[2]],
                      ["os", "reset"]):
            run = subprocess.run([tools / "smpmgr", "--port", port, "--timeout", "60", *words], capture_output=True, text=True,
                                 timeout=300, stdin=subprocess.DEVNULL)
            assert run.returncode == 0, run.stdout + run.stderr
    app = device.start()
    assert app["version"] == "2"


@pytest.fixture(scope="session")
def swap_works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("swap-works"), "app-swap", "swap", "swap")


def sign_for_mcuboot(tools, works, version, counter, key, app="app-mcuboot", options=(), program=None):
    """What imgtool makes of the application: header, signature, security counter."""
    program = program or FIRMWARE / f"{app}-{version}.bin"
    out = works.folder / f"mcuboot-{program.stem}-{counter}-{key}{''.join(options)}.bin"
    subprocess.run([tools / "imgtool", "sign", *options, "-k", works.folder / f"{key}.key", "-v", f"{version}.0.0", "-s", str(counter),
                    "-H", hex(HEADER), "--pad-header", "-S", "0x10000", "--align", "8",
                    program, out], check=True, capture_output=True)
    return out


class McubootDevice(Device):
    """Its bootloader knows images in MCUboot's format only. They travel in envelopes, but these it does not read."""

    def __init__(self, tools, works, folder, bootloader="boot-mcuboot", app="app-mcuboot", author="author"):
        super().__init__(works, folder, bootloader)
        self.author = author
        self.images = {version: sign_for_mcuboot(tools, works, version, version, author, app) for version in (1, 2, 3)}
        self.patch(works.images[1].read_bytes(), self.images[1].read_bytes())

    def stage(self, version, image=None):
        image = image or self.images[version]
        envelope = make_envelope(self.works.folder, f"mcuboot-{image.stem}", image, version, self.author)
        with self.power_on() as chip:
            chip.start()
            staged = chip.stage(envelope, image)
            assert chip.off() == 0
        assert staged["err"] == "UD_OK"


@pytest.fixture
def mcuboot_device(tools, works, tmp_path):
    return McubootDevice(tools, works, tmp_path / "device")


@pytest.fixture
def swapping_device(tools, swap_works, tmp_path):
    return McubootDevice(tools, swap_works, tmp_path / "device", "boot-mcuboot-swap", "app-mcuboot-swap")


def runs_from_its_place(device, version):
    """Looked at from outside: where images run, `updraft device init --layout swap` says."""
    image, at = device.images[version].read_bytes(), AREAS["running"]
    return (device.folder / "flash.bin").read_bytes()[at:at + len(image)] == image


def test_images_by_imgtool_change_places_and_change_back(swapping_device):
    check_a_life(swapping_device)
    assert runs_from_its_place(swapping_device, 2)
    before = (swapping_device.folder / "flash.bin").read_bytes()
    assert swapping_device.start()["operations"] == "0"
    assert (swapping_device.folder / "flash.bin").read_bytes() == before


@pytest.mark.parametrize("before_end", [0, 12, 40, 100])
def test_the_entries_of_an_image_by_imgtool_change_places_with_it(tools, swap_works, swapping_device, before_end):
    """Its payload ends in one sector, its entries in the next: what is signed, hash and signature before and behind the border."""
    program = (FIRMWARE / "app-mcuboot-swap-2.bin").read_bytes()
    border = -(-(HEADER + len(program) + before_end) // SECTOR) * SECTOR
    padded = swap_works.folder / f"padded-{before_end}.bin"
    padded.write_bytes(program.ljust(border - before_end - HEADER, b"\0"))
    image = sign_for_mcuboot(tools, swap_works, 2, 2, "author", program=padded)
    assert image.stat().st_size > border
    swapping_device.images[2] = image
    swapping_device.stage(2)
    app = swapping_device.start()
    assert (app["version"], app["reason"], app["outcome"]) == ("2", "trial", "UD_OK")
    assert runs_from_its_place(swapping_device, 2)


@pytest.mark.parametrize("counter, key, outcome", [(9, "stranger", "UD_ERR_UNTRUSTED"), (0, "author", "UD_ERR_STALE")])
def test_images_by_imgtool_that_may_not_run_do_not_change_places(tools, swap_works, swapping_device, counter, key, outcome):
    image = sign_for_mcuboot(tools, swap_works, 2, counter, key, "app-mcuboot-swap")
    swapping_device.stage(2, image)
    app = swapping_device.start()
    assert (app["version"], app["reason"], app["outcome"]) == ("1", "reverted", outcome)
    assert runs_from_its_place(swapping_device, 1)


def test_power_may_fail_while_images_by_imgtool_change_places(swapping_device, tmp_path):
    """One operation in many of swap and confirmation: old or new, whole and in its place."""
    swapping_device.stage(2)
    staged = (swapping_device.folder / "flash.bin").read_bytes()
    with swapping_device.power_on() as chip:
        chip.start()
        last = int(chip.wait_for("app event=confirm")["operations"])
        assert chip.off() == 0
    ends = set()
    for cut in sorted({*range(1, last, last // CUTS), last - 1, last}):
        (swapping_device.folder / "flash.bin").write_bytes(staged)
        with swapping_device.power_on(cut) as chip:
            assert chip.end() == STATUS_CUT
        with swapping_device.power_on() as chip:
            app = chip.start()
            if app["trial"] == "yes":
                assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
            assert chip.off() == 0
        assert runs_from_its_place(swapping_device, int(app["version"])), f"after a cut in operation {cut}"
        assert swapping_device.start()["reason"] == "normal"
        ends.add(app["version"])
    assert "2" in ends


def check_a_life(mcuboot_device):
    app = mcuboot_device.start()
    assert (app["version"], app["reason"]) == ("1", "normal")
    mcuboot_device.stage(2)
    with mcuboot_device.power_on() as chip:
        app = chip.start()
        assert (app["version"], app["reason"]) == ("2", "trial")
        assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        assert chip.off() == 0
    app = mcuboot_device.start()
    assert (app["version"], app["reason"]) == ("2", "normal")
    mcuboot_device.stage(3)
    with mcuboot_device.power_on() as chip:
        assert chip.start()["version"] == "3"
        app = chip.start()
        assert (app["version"], app["reason"], app["outcome"]) == ("2", "reverted", "UD_ERR_CRASHED")
        assert chip.off() == 0


def test_images_by_imgtool_boot_are_tried_confirmed_and_reverted(mcuboot_device):
    check_a_life(mcuboot_device)


@pytest.mark.parametrize("counter, key, outcome", [(9, "stranger", "UD_ERR_UNTRUSTED"), (0, "author", "UD_ERR_STALE")])
def test_images_by_imgtool_that_may_not_run_are_refused(tools, works, mcuboot_device, counter, key, outcome):
    mcuboot_device.stage(2, sign_for_mcuboot(tools, works, 2, counter, key))
    app = mcuboot_device.start()
    assert (app["version"], app["reason"], app["outcome"]) == ("1", "reverted", outcome)


def test_a_changed_image_by_imgtool_is_refused(mcuboot_device):
    mcuboot_device.stage(2)
    mcuboot_device.patch(b"app version=2", b"app version=7")
    app = mcuboot_device.start()
    assert (app["version"], app["reason"], app["outcome"]) == ("1", "reverted", "UD_ERR_IMAGE_MISMATCH")


ED25519 = "author-ed25519"


@pytest.fixture(scope="session")
def ed25519_works(tmp_path_factory):
    works = Works(tmp_path_factory.mktemp("ed25519-works"), "app-mcuboot-ed25519", "ed25519", author=ED25519, versions=(1, 2, 3))
    shutil.copy(FIRMWARE.parent / "mcu-root/author.key", works.folder)
    subprocess.run([UPDRAFT, "keygen", "--alg", "Ed25519", "--output", works.folder / "other"], check=True, capture_output=True)
    return works


@pytest.fixture
def ed25519_device(tools, ed25519_works, tmp_path):
    return McubootDevice(tools, ed25519_works, tmp_path / "device", "boot-mcuboot-ed25519", "app-mcuboot-ed25519", ED25519)


def test_images_that_imgtool_signed_by_ed25519_boot_are_tried_confirmed_and_reverted(ed25519_device):
    check_a_life(ed25519_device)


@pytest.mark.parametrize("counter, key, options, outcome", [
    (9, "other", (), "UD_ERR_UNTRUSTED"),
    (0, ED25519, (), "UD_ERR_STALE"),
    (9, "author", (), "UD_ERR_IMAGE_ENTRY"),  # ECDSA, of which this build knows nothing
    (9, ED25519, ("--pure",), "UD_ERR_IMAGE_ENTRY"),  # those are another build's, below
    (9, ED25519, ("--sha", "512"), "UD_ERR_IMAGE_ENTRY"),
])
def test_images_by_imgtool_that_an_ed25519_build_may_not_run_are_refused(tools, ed25519_works, ed25519_device, counter, key, options, outcome):
    ed25519_device.stage(2, sign_for_mcuboot(tools, ed25519_works, 2, counter, key, "app-mcuboot-ed25519", options))
    app = ed25519_device.start()
    assert (app["version"], app["reason"], app["outcome"]) == ("1", "reverted", outcome)


def test_an_image_that_imgtool_signed_by_ed25519_and_that_was_changed_is_refused(ed25519_device):
    ed25519_device.stage(2)
    ed25519_device.patch(b"app version=2", b"app version=7")
    app = ed25519_device.start()
    assert (app["version"], app["reason"], app["outcome"]) == ("1", "reverted", "UD_ERR_IMAGE_MISMATCH")


FORMS = [("--pure",), ("--sha", "512")]


@pytest.fixture(params=FORMS, ids=["pure", "sha512"])
def form(request):
    return request.param


@pytest.fixture
def sha512_device(tools, ed25519_works, tmp_path, form):
    """Leaves manufacture with an image by SHA-256 and takes the other forms."""
    device = McubootDevice(tools, ed25519_works, tmp_path / "device", "boot-mcuboot-sha512", "app-mcuboot-ed25519", ED25519)
    for version in (2, 3):
        device.images[version] = sign_for_mcuboot(tools, ed25519_works, version, version, ED25519, "app-mcuboot-ed25519", form)
    return device


def test_images_whose_hash_is_sha512_boot_are_tried_confirmed_and_reverted(sha512_device):
    check_a_life(sha512_device)


@pytest.mark.parametrize("counter, key, outcome", [(9, "other", "UD_ERR_UNTRUSTED"), (0, ED25519, "UD_ERR_STALE")])
def test_images_whose_hash_is_sha512_that_may_not_run_are_refused(tools, ed25519_works, sha512_device, form, counter, key, outcome):
    sha512_device.stage(2, sign_for_mcuboot(tools, ed25519_works, 2, counter, key, "app-mcuboot-ed25519", form))
    app = sha512_device.start()
    assert (app["version"], app["reason"], app["outcome"]) == ("1", "reverted", outcome)


def test_an_image_whose_hash_is_sha512_and_that_was_changed_is_refused(sha512_device, form):
    sha512_device.stage(2)
    sha512_device.patch(b"app version=2", b"app version=7")
    app = sha512_device.start()
    outcome = "UD_ERR_SIGNATURE" if form == ("--pure",) else "UD_ERR_IMAGE_MISMATCH"
    assert (app["version"], app["reason"], app["outcome"]) == ("1", "reverted", outcome)


@pytest.mark.parametrize("key, options", [("author", ("--sha", "512")), ("author", ("--pure",)), (ED25519, ("--sha", "384"))])
def test_the_forms_that_we_do_not_have_are_none_of_imgtool_either(tools, ed25519_works, key, options):
    with pytest.raises(subprocess.CalledProcessError):
        sign_for_mcuboot(tools, ed25519_works, 2, 2, key, "app-mcuboot-ed25519", options)


def test_an_image_whose_hash_is_sha384_is_refused_by_name(tools, ed25519_works, tmp_path):
    """imgtool makes one with a key on P-384, for which no device of ours has an anchor."""
    subprocess.run([tools / "imgtool", "keygen", "-t", "ecdsa-p384", "-k", ed25519_works.folder / "p384.key"], check=True, capture_output=True)
    device = McubootDevice(tools, ed25519_works, tmp_path / "device", "boot-mcuboot-sha512", "app-mcuboot-ed25519", ED25519)
    device.stage(2, sign_for_mcuboot(tools, ed25519_works, 2, 2, "p384", "app-mcuboot-ed25519"))
    app = device.start()
    assert (app["version"], app["reason"], app["outcome"]) == ("1", "reverted", "UD_ERR_ALGORITHM")
