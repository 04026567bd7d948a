"""A long door that was stopped goes on where it was, and never takes another firmware's results for its own."""
import cut_log
import pytest

CUTS = list(range(1, 9))


class Stopped(Exception):
    pass


@pytest.fixture
def firmware(tmp_path, monkeypatch):
    monkeypatch.setenv("UD_CUTS_LOG", str(tmp_path / "log"))
    file = tmp_path / "firmware"
    file.write_bytes(b"first")
    return file


def run(firmware, stop_at=None, cuts=CUTS):
    """@return the cuts that were tried, and the ways in which all of them ended; None when it was stopped"""
    tried = []

    def try_one(cut):
        if cut == stop_at:
            raise Stopped
        tried.append(cut)
        return ("even" if cut % 2 == 0 else "odd", "whole")
    try:
        ended = cut_log.over("door", [firmware], cuts, try_one)
    except Stopped:
        ended = None
    return sorted(tried), ended


def test_what_was_tried_before_counts_and_is_not_tried_again(firmware):
    first, ended = run(firmware, stop_at=5)
    assert ended is None and {1, 2, 3} <= set(first) and 5 not in first
    second, ended = run(firmware)
    assert sorted(first + second) == CUTS
    assert ended == {("even", "whole"), ("odd", "whole")}


def test_after_all_of_it_was_tried_everything_is_tried_again(firmware):
    assert run(firmware)[0] == CUTS
    assert run(firmware)[0] == CUTS


@pytest.mark.parametrize("change", ["firmware", "cuts", "torn note"])
def test_other_firmware_other_cuts_and_a_torn_note_count_for_nothing(firmware, tmp_path, change):
    first, _ = run(firmware, stop_at=5)
    cuts = CUTS
    if change == "firmware":
        firmware.write_bytes(b"second")
    elif change == "cuts":
        cuts = CUTS[:-1]
    else:
        for note in (tmp_path / "log").iterdir():
            note.write_text(note.read_text()[:5])
    assert run(firmware, cuts=cuts)[0] == cuts


def test_without_the_door_nothing_is_noted(firmware, tmp_path, monkeypatch):
    monkeypatch.delenv("UD_CUTS_LOG")
    assert run(firmware, stop_at=5)[1] is None
    assert run(firmware)[0] == CUTS
    assert not (tmp_path / "log").exists()
