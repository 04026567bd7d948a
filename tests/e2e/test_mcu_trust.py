"""A trust store on the emulated Cortex-M3, made by `updraft trust` and brought over the serial line: what a rotation takes away, what
it gives, and power that fails in it. `boot` finds the roots in the provisioning file; `boot-trust` has them compiled in, with our own
cryptography."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import cut_log
import pytest
from mcu_tool import STATUS_CUT, Chip
from test_mcu import FIRMWARE, UPDRAFT, Device, Works, make_envelope, updraft

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

BOOTLOADERS = ["boot", "boot-trust"]
HIGHEST = 2**64 - 1
SAMPLES, AROUND = 8, 2


class Office(Works):
    """A device with roots as it leaves manufacture, and who makes stores for it."""

    def __init__(self, folder: Path):
        root = FIRMWARE.parent / "mcu-root"
        super().__init__(folder, root_name="trust", options=("--roots", root / "roots.cbor", "--trial-ms", "10000"))
        for file in root.glob("root-*"):
            shutil.copy(file, folder)
        updraft("keygen", "--output", folder / "heir")

    def digest(self, envelope: Path) -> str:
        shown = subprocess.run([UPDRAFT, "inspect", envelope, "--json"], check=True, capture_output=True, timeout=60).stdout
        return json.loads(shown)["digest"]

    def by_thief(self, version: int) -> Path:
        """Signed by the author's key, with the highest number there is."""
        folder = self.folder / f"thief-{version}"
        folder.mkdir(exist_ok=True)
        shutil.copy(self.images[version], folder / "app.bin")
        (folder / "app.ini").write_text(f"[manifest]\nvendor = example.com\nclass = sensor\nsequence = {HIGHEST}\n[component app]\nimage = app.bin\n")
        updraft("create", folder / "app.ini", "--output", folder / "app.suit")
        updraft("sign", folder / "app.suit", "--key", self.folder / "author.key")
        return folder / "app.suit"

    def store(self, name: str, keys: tuple[str, ...], head: str = "", after: Path | None = None, signers: str = "ab") -> Path:
        description, made = self.folder / f"{name}.ini", self.folder / f"{name}.trust"
        description.write_text("[store]\n" + head + "".join(f"[key {key}]\nfile = {key}.pub\n" for key in keys))
        updraft("trust", "make", description, "--output", made, *(("--after", after) if after else ()))
        updraft("trust", "sign", made, *(word for signer in signers for word in ("--key", self.folder / f"root-{signer}.key")))
        return made


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    return Office(tmp_path_factory.mktemp("office"))


@pytest.fixture(params=BOOTLOADERS)
def device(office, tmp_path, request):
    return Device(office, tmp_path / "device", request.param)


@pytest.fixture
def product(office, tmp_path):
    return Device(office, tmp_path / "device", "boot-trust")


def trusts(chip: Chip) -> tuple[dict[str, str], dict[str, str]]:
    """The next start: which store is in force, and what runs."""
    return chip.wait_for("app event=trusts"), chip.start()


def bring(chip: Chip, store: Path) -> dict[str, str]:
    content = store.read_bytes()
    chip.send(f"trust {len(content)}\n".encode() + content)
    return chip.wait_for("app event=trust ")


def take(device: Device, *stores: Path) -> None:
    """One after the other, each with a start that decides by it."""
    with device.power_on() as chip:
        number = int(trusts(chip)[0]["number"])
        for at, store in enumerate(stores, number + 1):
            assert bring(chip, store)["err"] == "UD_OK"
            chip.reset()
            said, _ = trusts(chip)
            assert (said["number"], said["outcome"]) == (str(at), "UD_OK")
        assert chip.off() == 0


def refuse(device: Device, *pairs: tuple[Path, str]) -> None:
    """Nothing is written for any of them."""
    before = (device.folder / "flash.bin").read_bytes()
    with device.power_on() as chip:
        trusts(chip)
        for store, why in pairs:
            assert bring(chip, store)["err"] == why, store
        assert chip.off() == 0
    assert (device.folder / "flash.bin").read_bytes() == before


def stage(device: Device, envelope: Path, version: int) -> str:
    with device.power_on() as chip:
        chip.start()
        err = chip.stage(envelope, device.works.images[version])["err"]
        assert chip.off() == 0
    return err


def test_without_a_store_the_provisioned_keys_count_and_a_start_writes_nothing(device):
    before = (device.folder / "flash.bin").read_bytes()
    with device.power_on() as chip:
        said, app = trusts(chip)
        assert (said["number"], said["epoch"], said["outcome"]) == ("0", "0", "UD_ABSENT")
        assert (app["reason"], app["version"], app["operations"]) == ("normal", "1", "0")
        assert chip.off() == 0
        assert device.bootloader != "boot" or any("boot event=trust number=0 epoch=0 outcome=UD_ABSENT" in line for line in chip.lines)
    assert (device.folder / "flash.bin").read_bytes() == before


def test_a_store_without_enough_roots_out_of_order_for_others_or_that_strands_the_device_is_refused(device, office):
    second = office.store("second", ("author", "heir"), "number = 2\n")
    broken = office.folder / "broken.trust"
    good = office.store("good", ("author", "heir"))
    content = bytearray(good.read_bytes())
    content[len(content) // 2] ^= 1
    broken.write_bytes(content)
    refuse(device,
           (office.store("few", ("author",), signers="a"), "UD_ERR_THRESHOLD"),
           (second, "UD_ERR_CHAIN"),
           (office.store("others", ("author",), "vendor = example.org\n"), "UD_ERR_VENDOR"),
           (office.store("stranding", ("heir",)), "UD_ERR_STRANDED"),
           (office.store("revoking", ("heir",), "revoked = author.pub\n"), "UD_ERR_STRANDED"))
    with device.power_on() as chip:
        trusts(chip)
        assert bring(chip, broken)["err"] != "UD_OK"
        chip.send(b"trust 20000\n" + bytes(20000))
        assert chip.wait_for("app event=trust ")["err"] == "UD_ERR_SPACE"
        chip.send(b"trust many\n")
        assert chip.wait_for("app event=trust ")["err"] == "UD_ERR_USAGE"
        assert chip.off() == 0


def test_a_key_that_a_store_revokes_installs_nothing_more_and_its_successor_does(device, office):
    running = office.digest(office.envelopes[1])
    first = office.store("1", ("author", "heir"))
    after = office.store("2", ("heir",), f"revoked = author.pub\nkept = {running}\n", first)
    by_heir = make_envelope(office.folder, "heir-2", office.images[2], 2, "heir")
    assert stage(device, by_heir, 2) == "UD_ERR_UNTRUSTED"
    take(device, first, after)
    refuse(device, (first, "UD_ERR_STALE"), (after, "UD_ERR_STALE"))
    assert device.start()["version"] == "1"  # its signer is trusted no more, the store keeps it
    assert stage(device, office.envelopes[2], 2) == "UD_ERR_REVOKED"
    assert stage(device, by_heir, 2) == "UD_OK"
    device.tries_and_confirms(2)


def test_an_update_that_waits_for_its_trial_does_not_start_once_its_key_is_revoked(device, office):
    """The bootloader decides by the store, whatever the application took before it."""
    revoking = office.store("waits", ("heir",), f"revoked = author.pub\nkept = {office.digest(office.envelopes[1])}\n")
    with device.power_on() as chip:
        trusts(chip)
        assert chip.stage(office.envelopes[2], office.images[2])["err"] == "UD_OK"
        assert bring(chip, revoking)["err"] == "UD_OK"
        chip.reset()
        said, app = trusts(chip)
        assert said["number"] == "1"
        assert (app["reason"], app["version"], app["outcome"]) == ("reverted", "1", "UD_ERR_REVOKED")
        assert chip.off() == 0


def areas(device: Device) -> list[tuple[int, int]]:
    shown = subprocess.run([UPDRAFT, "device", "show", device.folder, "--json"], check=True, capture_output=True, timeout=60).stdout
    return [tuple(copy) for copy in json.loads(shown)["trustStore"]["copies"]]


def test_a_stolen_key_s_highest_number_is_overcome_by_a_rotation(product, office):
    device = product
    stolen = office.by_thief(2)
    assert stage(device, stolen, 2) == "UD_OK"
    device.tries_and_confirms(2)
    first = office.store("thief-1", ("author", "heir"))
    rotation = office.store("thief-2", ("heir",), f"epoch = 1\nrevoked = author.pub\nkept = {office.digest(stolen)}\n", first)
    back = make_envelope(office.folder, "back", office.images[1], 3, "heir")
    take(device, first)
    assert stage(device, back, 1) == "UD_OK"  # signed by who may
    app = device.start()
    assert (app["reason"], app["outcome"], app["version"]) == ("reverted", "UD_ERR_STALE", "2")  # but older than what was confirmed
    take(device, rotation)
    assert device.start()["version"] == "2"
    assert stage(device, back, 1) == "UD_OK"
    with device.power_on() as chip:
        app = chip.start()
        assert (app["reason"], app["version"], app["sequence"]) == ("trial", "1", "3")
        assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        assert chip.off() == 0
    assert stage(device, stolen, 2) == "UD_ERR_REVOKED"


def beside(flash: bytes, copies: list[tuple[int, int]]) -> bytes:
    """All but the copies: with the notes about them, which are the journal's."""
    rest = bytearray(flash)
    for at, size in copies:
        rest[at:at + size] = bytes(size)
    return bytes(rest)


def test_a_damaged_copy_is_made_again_and_two_cost_no_start(device, office):
    with device.power_on() as chip:
        trusts(chip)
        assert chip.off() == 0
    copies, first = areas(device), (device.folder / "flash.bin").read_bytes()
    take(device, office.store("damage", ("author", "heir")))
    whole = (device.folder / "flash.bin").read_bytes()
    assert beside(whole, copies) != beside(first, copies)  # the application noted which copy it wrote
    for spoilt, number in (((0,), "1"), ((1,), "1"), ((0, 1), "0")):
        flash = bytearray(whole)
        for copy in spoilt:
            flash[copies[copy][0] + 60] ^= 0x10
        (device.folder / "flash.bin").write_bytes(flash)
        with device.power_on() as chip:
            said, app = trusts(chip)
            assert (said["number"], app["version"]) == (number, "1")
            assert chip.off() == 0
        after = (device.folder / "flash.bin").read_bytes()
        assert len(spoilt) == 2 or all(after[at:at + size] == whole[at:at + size] for at, size in copies)
        assert (beside(after, copies) != beside(whole, copies)) == (len(spoilt) == 1)  # and so did whichever bootloader wrote one


def test_power_may_fail_in_every_flash_operation_of_a_store_s_update(product, office, tmp_path):
    """A part of them, and with UD_CUTS=all each. The old store is in force afterwards or the new one, the image runs, and from the first
    start on it stays so. Where the old one is, the new one is taken."""
    first = office.store("cut-1", ("author", "heir"))
    second = office.store("cut-2", ("author",), "revoked = heir.pub\n", first)
    take(product, first)
    copies = (tmp_path / "copies")
    shutil.copytree(product.folder, copies)
    with product.power_on() as chip:
        trusts(chip)
        operations = int(bring(chip, second)["operations"])
        assert chip.off() == 0
    assert operations > 2 * second.stat().st_size // 8
    # the first copy's seal, in the middle, decides; the second's ends it
    near = {at for moment in (0, operations // 2, operations) for at in range(moment - AROUND, moment + AROUND + 1)}
    points = range(1, operations + 1) if os.environ.get("UD_CUTS") == "all" else near | set(range(1, operations, operations // SAMPLES))

    def one(cut: int) -> str:
        device = product.at(tmp_path / str(cut), copies)
        with device.power_on(cut) as chip:
            trusts(chip)
            assert bring(chip, second) == {} and chip.end() == STATUS_CUT, f"operation {cut} of {operations}"
        with device.power_on() as chip:
            said, app = trusts(chip)
            assert (app["version"], app["reason"], said["outcome"]) == ("1", "normal", "UD_OK"), f"after a cut in operation {cut}"
            chip.reset()
            again, app = trusts(chip)
            assert (again["number"], app["reason"]) == (said["number"], "normal"), f"after a cut in operation {cut}"
            taken = bring(chip, second)["err"]
            assert taken == {"1": "UD_OK", "2": "UD_ERR_STALE"}[again["number"]], f"after a cut in operation {cut}"
            assert chip.off() == 0
        shutil.rmtree(device.folder)
        return said["number"]

    cuts = sorted(at for at in points if 0 < at <= operations)
    firmware = [FIRMWARE / f"{product.bootloader}.elf", office.images[1], first, second]
    assert cut_log.over("boot-trust-store", firmware, cuts, one) == {"1", "2"}
