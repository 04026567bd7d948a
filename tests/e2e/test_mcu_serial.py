"""Serial recovery on the emulated Cortex-M3: a board on which nothing runs is brought back over its serial line."""
import pytest
import smp_tool as smp
from mcu_tool import STATUS_CUT
from test_mcu import FIRMWARE, Device, Works, make_envelope, smp_of, values_of_errors

pytestmark = pytest.mark.skipif(FIRMWARE is None, reason="`make mcu` builds the firmware and runs this")

ERRORS = values_of_errors()
SIGNATURE_HEAD = b"\xf6\x58\x40"  # no payload, then a byte string of 64


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    return Works(tmp_path_factory.mktemp("works"))


@pytest.fixture
def dead(works, tmp_path):
    """Its only image was damaged."""
    device = Device(works, tmp_path / "device", "boot-serial")
    device.patch(b"app version=1", b"app version=7")
    return device


def bring_back(line: smp.Smp, works: Works, version: int) -> None:
    assert line.upload(smp.ENVELOPE, works.envelopes[version].read_bytes())["rc"] == 0
    assert line.upload(smp.COMPONENT, works.images[version].read_bytes())["rc"] == 0


def test_a_dead_board_takes_an_image_tries_it_and_keeps_it(dead, works):
    with dead.power_on() as chip:
        line = smp_of(chip)
        assert line.ask(smp.WRITE, smp.OS, smp.ECHO, {"d": "hello"}) == {"r": "hello"}
        assert line.ask(smp.READ, smp.OS, smp.PARAMETERS) == {"buf_size": 512, "buf_count": 1}
        before = line.ask(smp.READ, smp.IMAGE, smp.STATE)["images"]
        assert [image["bootable"] for image in before] == [False, False]
        bring_back(line, works, 2)
        after = line.ask(smp.READ, smp.IMAGE, smp.STATE)["images"]
        assert [(image["bootable"], image["pending"]) for image in after] == [(False, False), (True, True)]
        assert after[1]["version"] == "2"
        assert line.ask(smp.WRITE, smp.OS, smp.RESET) == {}
        app = chip.start()
        assert (app["version"], app["reason"]) == ("2", "trial")
        assert chip.wait_for("app event=confirm")["err"] == "UD_OK"
        assert chip.off() == 0
    app = dead.start()
    assert (app["version"], app["reason"]) == ("2", "normal")


def test_a_board_whose_journal_is_gone_too_begins_anew(dead, works):
    with (dead.folder / "flash.bin").open("r+b") as flash:
        flash.write(b"\x00" * 3 * 4096)
    with dead.power_on() as chip:
        line = smp_of(chip)
        bring_back(line, works, 2)
        line.ask(smp.WRITE, smp.OS, smp.RESET)
        assert chip.start()["version"] == "2"
        assert chip.off() == 0


def test_what_was_not_signed_by_who_may_is_refused_and_nothing_is_written(dead, works):
    foreign = make_envelope(works.folder, "foreign", works.images[2], 9, key="stranger")
    before = (dead.folder / "flash.bin").read_bytes()
    with dead.power_on() as chip:
        line = smp_of(chip)
        said = line.upload(smp.ENVELOPE, foreign.read_bytes())
        assert said == {"rc": 11, "rsn": ERRORS["UD_ERR_UNTRUSTED"]}
        said = line.upload(smp.COMPONENT, works.images[2].read_bytes())
        assert said == {"rc": 6, "rsn": ERRORS["UD_ERR_STATE"]}
        bent = bytearray(works.envelopes[2].read_bytes())
        bent[bent.index(SIGNATURE_HEAD) + len(SIGNATURE_HEAD)] ^= 1
        assert line.upload(smp.ENVELOPE, bytes(bent)) == {"rc": 11, "rsn": ERRORS["UD_ERR_SIGNATURE"]}
        assert line.upload(smp.ENVELOPE, b"\x00" * 4096) == {"rc": 7, "rsn": ERRORS["UD_ERR_SPACE"]}
        assert line.ask(smp.WRITE, smp.IMAGE, 77) == {"rc": 8, "rsn": ERRORS["UD_ERR_COMMAND"]}
    assert (dead.folder / "flash.bin").read_bytes() == before


def test_another_image_than_the_signed_one_is_refused_at_its_end(dead, works):
    with dead.power_on() as chip:
        line = smp_of(chip)
        assert line.upload(smp.ENVELOPE, works.envelopes[2].read_bytes())["rc"] == 0
        said = line.upload(smp.COMPONENT, works.images[3].read_bytes())
        assert said == {"rc": 9, "rsn": ERRORS["UD_ERR_IMAGE_MISMATCH"]}
    with dead.power_on() as chip:
        assert smp_of(chip).ask(smp.WRITE, smp.OS, smp.ECHO, {"d": "dead still"}) == {"r": "dead still"}


def test_an_upload_that_power_cut_goes_on_where_it_was(dead, works):
    with dead.power_on(cut=3000) as chip:
        line = smp_of(chip)
        with pytest.raises(AssertionError, match="the line has ended"):
            bring_back(line, works, 2)
        assert chip.end() == STATUS_CUT
    with dead.power_on() as chip:
        line = smp_of(chip)
        assert line.upload(smp.ENVELOPE, works.envelopes[2].read_bytes())["rc"] == 0
        image = works.images[2].read_bytes()
        first = line.ask(smp.WRITE, smp.IMAGE, smp.UPLOAD, {"off": 0, "data": image[:8], "image": 1, "len": len(image)})
        assert first["off"] >= 4096
        assert line.upload(smp.COMPONENT, image)["rc"] == 0
        line.ask(smp.WRITE, smp.OS, smp.RESET)
        assert chip.start()["version"] == "2"
        assert chip.off() == 0


def test_noise_on_the_line_is_skipped(dead):
    with dead.power_on() as chip:
        chip.send(b"garbage\n\x06\x09AAAA\n\x04\x14!!!!\n\x06\x09" + b"A" * 5000 + b"\n" + bytes(range(256)) + b"\n")
        assert smp_of(chip).ask(smp.WRITE, smp.OS, smp.ECHO, {"d": "still here"}) == {"r": "still here"}
