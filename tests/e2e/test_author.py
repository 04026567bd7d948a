"""The author's command without a server: keys, envelopes, signatures, what they say, and what is refused."""
import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("UPDRAFT_BUILD", ROOT / "build/release"))
IMAGE = bytes(range(256)) * 40

OFFLINE = ["keygen", "create", "describe", "sign", "sever", "encrypt", "verify", "inspect", "device init", "device show"]


class Desk:
    """A folder to work in."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "app.bin").write_bytes(IMAGE)

    def updraft(self, *words, code=0):
        done = subprocess.run([BUILD / "updraft", *map(str, words)], cwd=self.folder, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *words):
        return json.loads(self.updraft(*words, "--json").stdout)

    def refused(self, name, *words, code=1):
        """The command fails with this error, says so in one form, names a remedy, and prints nothing else."""
        done = self.updraft(*words, code=code)
        assert re.match(rf"updraft: .+: .+ \({name}\)\n  next: .+\n$", done.stderr), done.stderr
        assert done.stdout == ""
        return done.stderr

    def keygen(self, name="author"):
        return self.json("keygen", "--output", name)["kid"]

    def create(self, output="app.suit", sequence=7, *more):
        self.updraft("create", "--image", "app.bin", "--vendor", "example.com", "--class", "door-lock", "--sequence",
                     sequence, "--version", "2.1.0", "--output", output, *more)
        return self.folder / output


@pytest.fixture
def desk(tmp_path):
    if not (BUILD / "updraft").exists():
        pytest.skip("updraft is not built")
    return Desk(tmp_path)


@pytest.fixture
def signed(desk):
    desk.kid = desk.keygen()
    desk.create()
    desk.updraft("sign", "app.suit", "--key", "author.key")
    return desk


def test_every_command_is_listed_and_helps_with_examples(desk):
    listing = desk.updraft("--help").stdout
    commands = re.findall(r"^  ([a-z-]+(?: [a-z]+)?)  ", listing, re.M)
    assert set(OFFLINE) <= set(commands)
    assert {"publish", "deploy", "status", "login", "device enrol"} <= set(commands)
    for command in commands:
        text = desk.updraft(*command.split(), "--help").stdout
        assert text.startswith(f"Usage: updraft {command} ")
        assert f"\nExamples:\n  updraft {command}" in text


@pytest.mark.parametrize("words", [[], ["nonsense"], ["device"], ["device", "nonsense"], ["create"], ["sign"],
                                   ["verify", "x"], ["inspect"], ["inspect", "a", "b"], ["keygen", "extra"],
                                   ["keygen", "--nonsense"], ["create", "--sequence", "x"], ["device", "init", "x"]])
def test_wrong_arguments_exit_2_and_make_nothing(desk, words):
    before = sorted(desk.folder.iterdir())
    done = desk.updraft(*words, code=2)
    assert done.stdout == "" and done.stderr != ""
    assert sorted(desk.folder.iterdir()) == before


def test_keys_are_made_for_their_owner_alone(desk):
    kid = desk.keygen()
    assert re.fullmatch("[0-9a-f]{64}", kid)
    assert stat.S_IMODE((desk.folder / "author.key").stat().st_mode) == 0o600
    assert "PRIVATE KEY" in (desk.folder / "author.key").read_text()
    assert (desk.folder / "author.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----\n")


def test_a_key_is_not_overwritten_unless_forced(desk):
    desk.keygen()
    before = (desk.folder / "author.key").read_bytes()
    desk.refused("UD_ERR_CONFLICT", "keygen")
    assert (desk.folder / "author.key").read_bytes() == before
    desk.updraft("keygen", "--force")
    assert (desk.folder / "author.key").read_bytes() != before


def test_a_foreign_public_key_in_the_way_leaves_no_half_pair(desk):
    (desk.folder / "author.pub").write_text("somebody's\n")
    desk.refused("UD_ERR_CONFLICT", "keygen")
    assert not (desk.folder / "author.key").exists()
    assert (desk.folder / "author.pub").read_text() == "somebody's\n"


def test_the_same_arguments_give_the_same_bytes(desk):
    assert desk.create("one.suit").read_bytes() == desk.create("two.suit").read_bytes()
    assert desk.create("three.suit", 8).read_bytes() != (desk.folder / "one.suit").read_bytes()


@pytest.mark.parametrize("more", [[], ["--integrated"], ["--model", "D1"], ["--component", "radio"]])
def test_create_sign_verify_inspect(desk, more):
    kid = desk.keygen()
    desk.create("app.suit", 7, *more)
    desk.updraft("sign", "app.suit", "--key", "author.key")
    answer = desk.json("verify", "app.suit", "--anchor", "author.pub", "--image", "app.bin")
    assert answer["verified"] and answer["imageVerified"] and answer["signers"] == [kid] and answer["sequence"] == 7
    show = desk.json("inspect", "app.suit")
    assert show["sequence"] == 7
    assert [one["kid"] for one in show["signatures"]] == [kid]
    assert [one["text"] for one in show["texts"] if one["what"] == "version"] == ["2.1.0"]
    assert show["components"] == [more[1] if "--component" in more else "app"]
    assert [one["bytes"] for one in show["integrated"]] == ([len(IMAGE)] if "--integrated" in more else [])


def test_inspect_says_in_words_what_a_device_will_do(signed):
    text = signed.updraft("inspect", "app.suit").stdout
    for sentence in ("Go on only if the device is of vendor ", "Download the image for \"app\": the file ",
                     f"exactly the signed one: {len(IMAGE)} bytes, SHA-256 ", "Start \"app\"."):
        assert sentence in text
    assert text.index("of vendor") < text.index("Download") < text.index("Start \"app\"")


def test_a_text_that_would_fool_the_terminal_is_shown_harmless(desk):
    desk.create("app.suit", 7, "--model", "\x1b[2Jgone")
    assert "\x1b" not in desk.updraft("inspect", "app.suit").stdout


@pytest.mark.parametrize("at", [-1, -40, 40, 120, 300])
def test_a_tampered_envelope_is_refused(signed, at):
    path = signed.folder / "app.suit"
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    done = signed.updraft("verify", "app.suit", "--anchor", "author.pub", code=1)
    assert "UD_ERR_" in done.stderr


def test_where_an_envelope_is_cut_the_offset_is_told(signed):
    path = signed.folder / "app.suit"
    path.write_bytes(path.read_bytes()[:100])
    for command in (["inspect", "app.suit"], ["verify", "app.suit", "--anchor", "author.pub"],
                    ["sign", "app.suit", "--key", "author.key"]):
        assert re.search(r"at byte \d+", signed.refused("UD_ERR_TRUNCATED", *command))


def test_a_signature_of_a_stranger_does_not_count(signed):
    signed.keygen("stranger")
    signed.refused("UD_ERR_UNTRUSTED", "verify", "app.suit", "--anchor", "stranger.pub")


def test_an_unsigned_envelope_is_refused(desk):
    desk.keygen()
    desk.create()
    desk.refused("UD_ERR_UNSIGNED", "verify", "app.suit", "--anchor", "author.pub")


def test_two_parties_sign_in_either_algorithm_and_the_threshold_is_kept(signed):
    kids = [signed.kid, signed.keygen("approver")]
    both = ["--anchor", "author.pub", "--anchor", "approver.pub", "--threshold", "2"]
    signed.refused("UD_ERR_THRESHOLD", "verify", "app.suit", *both)
    signed.updraft("sign", "app.suit", "--key", "approver.key", "--alg", "ESP256", "--output", "approved.suit")
    assert signed.json("verify", "approved.suit", *both)["signers"] == kids
    assert [one["algorithm"] for one in signed.json("inspect", "approved.suit")["signatures"]] == ["ES256", "ESP256"]


def test_one_anchor_given_twice_is_refused(signed):
    signed.refused("UD_ERR_DUPLICATE", "verify", "app.suit", "--anchor", "author.pub", "--anchor", "author.pub",
                   "--threshold", "2")


def test_the_same_key_signs_once(signed):
    before = (signed.folder / "app.suit").read_bytes()
    signed.refused("UD_ERR_CONFLICT", "sign", "app.suit", "--key", "author.key")
    assert (signed.folder / "app.suit").read_bytes() == before


def test_another_image_is_noticed(signed):
    (signed.folder / "app.bin").write_bytes(IMAGE + b"x")
    signed.refused("UD_ERR_IMAGE_MISMATCH", "verify", "app.suit", "--anchor", "author.pub", "--image", "app.bin")


def test_a_key_that_others_can_read_signs_nothing(desk):
    desk.keygen()
    desk.create()
    before = (desk.folder / "app.suit").read_bytes()
    (desk.folder / "author.key").chmod(0o644)
    desk.refused("UD_ERR_EXPOSED", "sign", "app.suit", "--key", "author.key")
    assert (desk.folder / "app.suit").read_bytes() == before


def test_a_public_key_does_not_sign_and_a_private_key_is_no_anchor(signed):
    (signed.folder / "author.pub").chmod(0o600)
    signed.refused("UD_ERR_KEY", "sign", "app.suit", "--key", "author.pub")
    signed.refused("UD_ERR_KEY", "verify", "app.suit", "--anchor", "author.key")


@pytest.mark.parametrize("words", [["inspect", "none.suit"], ["verify", "none.suit", "--anchor", "author.pub"],
                                   ["sign", "app.suit", "--key", "none.key"],
                                   ["verify", "app.suit", "--anchor", "none.pub"],
                                   ["create", "--image", "none.bin", "--vendor", "a", "--class", "b", "--sequence", "1",
                                    "--output", "x.suit"]])
def test_a_file_that_is_not_there_exits_3(signed, words):
    signed.refused("UD_ERR_NOT_FOUND", *words, code=3)


def test_an_empty_image_is_refused(desk):
    (desk.folder / "app.bin").write_bytes(b"")
    desk.refused("UD_ERR_LIMIT", "create", "--image", "app.bin", "--vendor", "a", "--class", "b", "--sequence", "1",
                 "--output", "x.suit")
    assert not (desk.folder / "x.suit").exists()


def test_a_reissue_keeps_everything_but_the_number_and_the_signatures(signed):
    signed.updraft("create", "--reissue", "app.suit", "--sequence", "9", "--output", "back.suit")
    old, new = signed.json("inspect", "app.suit"), signed.json("inspect", "back.suit")
    assert (old["sequence"], new["sequence"]) == (7, 9)
    assert new["signatures"] == []
    assert new["steps"] == old["steps"] and new["texts"] == old["texts"]
    assert signed.create("fresh.suit", 9).read_bytes() == (signed.folder / "back.suit").read_bytes()


@pytest.mark.parametrize("sequence", ["7", "6", "0"])
def test_a_reissue_only_goes_up(signed, sequence):
    signed.refused("UD_ERR_STALE", "create", "--reissue", "app.suit", "--sequence", sequence, "--output", "back.suit")


DESCRIPTION = """
[manifest]
sequence = 12
vendor = example.com
class = gateway

[component app]
image = app.bin
start = yes

[component radio]
image = radio.bin
"""


@pytest.fixture
def pair(desk):
    (desk.folder / "parts").mkdir()
    for name in ("app.bin", "radio.bin"):
        (desk.folder / "parts" / name).write_bytes(name.encode() * 100)
    (desk.folder / "parts/pair.ini").write_text(DESCRIPTION)
    return desk


def test_a_description_beside_its_files_makes_an_envelope_for_two_components(pair):
    pair.keygen()
    answer = pair.json("create", "parts/pair.ini", "--output", "pair.suit")
    assert answer["sequence"] == 12
    pair.updraft("sign", "pair.suit", "--key", "author.key")
    assert pair.json("verify", "pair.suit", "--anchor", "author.pub")["sequence"] == 12
    show = pair.json("inspect", "pair.suit")
    assert show["components"] == ["app", "radio"]
    assert [one["does"] for one in show["steps"] if one["section"] == "start"] == ['Start "app".']


def test_the_number_of_a_description_can_be_given_apart(pair):
    pair.updraft("create", "parts/pair.ini", "--output", "pair.suit")
    assert pair.json("create", "parts/pair.ini", "--sequence", "13", "--output", "next.suit")["sequence"] == 13
    assert (pair.folder / "next.suit").read_bytes() != (pair.folder / "pair.suit").read_bytes()


def test_an_envelope_describes_itself_and_is_made_again(pair):
    pair.keygen()
    pair.updraft("create", "parts/pair.ini", "--output", "pair.suit")
    plain = (pair.folder / "pair.suit").read_bytes()
    pair.updraft("sign", "pair.suit", "--key", "author.key")
    pair.updraft("describe", "pair.suit", "--output", "again.ini")
    assert pair.updraft("describe", "pair.suit").stdout == (pair.folder / "again.ini").read_text()
    pair.updraft("create", "again.ini", "--output", "again.suit")
    assert (pair.folder / "again.suit").read_bytes() == plain


@pytest.mark.parametrize("old, new, place, says", [
    ("class = gateway", "clas = gateway", r"parts/pair\.ini:5:8", 'knows no "clas"'),
    ("image = radio.bin", "image = none.bin", r"parts/pair\.ini:12:9", "there is no file"),
    ("[component radio]", "[component app]", r"parts/pair\.ini:11:1", "line 7 already"),
    ("sequence = 12", "sequence = soon", r"parts/pair\.ini:3:12", "a number from 0"),
])
def test_a_wrong_description_is_told_by_line_and_column(pair, old, new, place, says):
    path = pair.folder / "parts/pair.ini"
    path.write_text(DESCRIPTION.replace(old, new))
    told = pair.refused("UD_ERR_DESCRIPTION", "create", "parts/pair.ini", "--output", "x.suit")
    assert re.match(f"updraft: {place}: .*{re.escape(says)}", told), told
    assert not (pair.folder / "x.suit").exists()


def test_what_a_device_would_refuse_is_told_at_the_desk(pair):
    path = pair.folder / "parts/pair.ini"
    path.write_text(DESCRIPTION + "[shared]\nselect = all\nvendor-id = example.com\ncheck = vendor\nuri = x\ndo = fetch\n")
    path.write_text(path.read_text().replace("image = app.bin\n", "").replace("image = radio.bin\n", "")
                    .replace("start = yes\n", "") + "[validate]\nselect = all\ncheck = image\n")
    assert re.search(r"at byte \d+", pair.refused("UD_ERR_INSECURE_ORDER", "create", "parts/pair.ini", "--output",
                                                  "x.suit"))
    assert not (pair.folder / "x.suit").exists()
    pair.updraft("create", "parts/pair.ini", "--foreign", "--output", "x.suit")
    assert (pair.folder / "x.suit").exists()


def device_init(desk, *more, code=0):
    return desk.updraft("device", "init", "door-17", "--vendor", "example.com", "--class", "door-lock", "--anchor",
                        "author.pub", *more, code=code)


def test_a_device_folder_holds_what_its_device_needs(signed):
    device_init(signed, "--server", "https://127.0.0.1:8443", "--poll", "5")
    folder = signed.folder / "door-17"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes.keys() == {"provisioning.cbor", "device.key", "device.pub", "agent.ini"}
    assert modes["device.key"] == 0o600
    assert "url = https://127.0.0.1:8443\n" in (folder / "agent.ini").read_text()
    assert "name = door-17\n" in (folder / "agent.ini").read_text()
    show = signed.json("device", "show", "door-17")
    assert [one["kid"] for one in show["anchors"]] == [signed.kid]
    assert show["components"][0]["id"] == "app"
    areas = [show["journal"], *show["envelopes"], *show["components"][0]["slots"]]
    end = 0
    for offset, size in sorted(areas):
        assert offset >= end and offset % show["flash"]["eraseSize"] == 0
        end = offset + size
    assert end <= show["flash"]["size"]


def test_a1_a_component_takes_only_what_its_writers_have_signed(desk):
    for name in ("author", "vendor"):
        desk.keygen(name)
    desk.updraft("device", "init", "door-17", "--vendor", "example.com", "--class", "door-lock", "--anchor", "author.pub", "--group", "1",
                 "--anchor", "vendor.pub", "--component", "app", "--component", "radio", "--writers", "1")
    show = desk.json("device", "show", "door-17")
    assert [(one["id"], one["writers"]) for one in show["components"]] == [("app", []), ("radio", [1])]
    assert "radio: somebody of group 1" in desk.updraft("device", "show", "door-17").stdout
    (desk.folder / "x.bin").write_bytes(b"x" * 100)
    for component in ("app", "radio"):
        for key in ("author", "vendor"):
            envelope = f"{component}-{key}.suit"
            desk.updraft("create", "--image", "x.bin", "--vendor", "example.com", "--class", "door-lock", "--sequence", "1",
                         "--component", component, "--output", envelope)
            desk.updraft("sign", envelope, "--key", f"{key}.key")
            refused = (component, key) == ("radio", "author")
            answer = desk.updraft("verify", envelope, "--policy", "door-17/provisioning.cbor", code=1 if refused else 0)
            assert ("UD_ERR_RIGHTS" in answer.stderr) == refused, answer.stderr


@pytest.mark.parametrize("layout, spare", [("ab", 0), ("swap", 4096), ("overwrite", 0)])
def test_a_device_folder_is_laid_out_as_asked(signed, layout, spare):
    device_init(signed, "--layout", layout)
    show = signed.json("device", "show", "door-17")
    (_, runs), (_, stored) = show["components"][0]["slots"]
    assert show["layout"] == layout and stored == runs + spare


def test_two_devices_have_two_keys(signed):
    device_init(signed)
    (signed.folder / "door-17").rename(signed.folder / "door-16")
    device_init(signed)
    keys = [(signed.folder / name / "device.pub").read_text() for name in ("door-16", "door-17")]
    assert keys[0] != keys[1]


def test_a_device_folder_is_not_made_twice(signed):
    device_init(signed)
    before = (signed.folder / "door-17/device.key").read_bytes()
    assert "UD_ERR_CONFLICT" in device_init(signed, code=1).stderr
    assert (signed.folder / "door-17/device.key").read_bytes() == before


@pytest.mark.parametrize("more, name", [(["--threshold", "2"], "UD_ERR_THRESHOLD"),
                                        (["--write-size", "6"], "UD_ERR_NUMBER_RANGE"),
                                        (["--erase-size", "100"], "UD_ERR_NUMBER_RANGE"),
                                        (["--component", "c" * 80], "UD_ERR_LIMIT"),
                                        (["--server", "https://x\nca = evil"], "UD_ERR_CONFIG")])
def test_a_device_that_does_not_add_up_is_not_made(signed, more, name):
    assert name in device_init(signed, *more, code=1 if name != "UD_ERR_CONFIG" else 3).stderr
    assert not (signed.folder / "door-17").exists()


def test_the_first_image_is_installed_at_manufacture(signed):
    device_init(signed, "--factory", "app.suit", "--image", "app.bin")
    assert IMAGE in (signed.folder / "door-17/flash.bin").read_bytes()


def test_a_first_image_that_was_not_signed_for_is_refused(signed):
    (signed.folder / "app.bin").write_bytes(IMAGE[:-1] + b"?")
    done = device_init(signed, "--factory", "app.suit", "--image", "app.bin", code=1)
    assert re.search(r"UD_ERR_(IMAGE_MISMATCH|DIGEST)", done.stderr)


def test_a_device_s_policy_decides_as_the_device_would(signed):
    device_init(signed)
    policy = ["--policy", "door-17/provisioning.cbor"]
    answer = signed.json("verify", "app.suit", *policy, "--image", "app.bin")
    assert answer["policyVerified"] and answer["signers"] == [signed.kid]
    signed.create("radio.suit", 8, "--component", "radio")
    signed.updraft("sign", "radio.suit", "--key", "author.key")
    assert '"radio"' in signed.refused("UD_ERR_COMPONENT", "verify", "radio.suit", *policy)
    signed.updraft("create", "--image", "app.bin", "--vendor", "example.com", "--class", "window", "--sequence", "8",
                   "--output", "other.suit")
    signed.updraft("sign", "other.suit", "--key", "author.key")
    signed.refused("UD_ERR_CLASS", "verify", "other.suit", *policy)
    signed.keygen("stranger")
    signed.create("strange.suit", 9)
    signed.updraft("sign", "strange.suit", "--key", "stranger.key")
    signed.refused("UD_ERR_UNTRUSTED", "verify", "strange.suit", *policy)
    (signed.folder / "bad.cbor").write_bytes((signed.folder / "door-17/provisioning.cbor").read_bytes()[:-3])
    assert "UD_ERR_" in signed.updraft("verify", "app.suit", "--policy", "bad.cbor", code=1).stderr


def test_parts_are_cut_off_and_the_signature_holds(signed):
    size = (signed.folder / "app.suit").stat().st_size
    answer = signed.json("sever", "app.suit", "--output", "small.suit")
    assert answer["before"] == size and answer["bytes"] == (signed.folder / "small.suit").stat().st_size < size
    assert signed.json("verify", "small.suit", "--anchor", "author.pub")["signers"] == [signed.kid]
    assert signed.json("inspect", "small.suit")["severed"] == ["install", "text"]
    signed.updraft("sever", "app.suit", "--cut", "text", "--output", "textless.suit")
    assert signed.json("inspect", "textless.suit")["severed"] == ["text"]
    signed.refused("UD_ERR_NOT_FOUND", "sever", "small.suit", "--output", "smaller.suit")
    signed.updraft("sever", "app.suit", "--cut", "everything", "--output", "x.suit", code=2)


MANY_WORDS = DESCRIPTION.replace("image = app.bin\n", "").replace("image = radio.bin\n", "").replace("start = yes\n", "") + """
[shared]
select = all
vendor-id = example.com
class-id = gateway
check = vendor
check = class
select = app
image = parts/app.bin

[install]
select = app
use-before = 1800000000
check = use-before
minimum-battery = 500
check = battery
priority = -1
check = authorized
version = >= 1.2-rc.1
check = version
wait-for = network 1, time-of-day-utc 7200
do = wait
source = radio
encryption-info = hex:d8608443a10101a1054c000000000000000000000000f680
do = copy
check = image

[uninstall]
select = app
do = unlink
"""


def test_inspect_has_a_sentence_for_every_command(pair):
    (pair.folder / "many.ini").write_text(MANY_WORDS)
    pair.updraft("create", "many.ini", "--foreign", "--output", "many.suit")
    text = pair.updraft("inspect", "many.suit").stdout
    for sentence in ("Go on only before 2027-01-15 08:00 UTC.", "at least 500 mWh in the battery",
                     "once the application allows it (priority -1", 'the version of "app" is >= 1.2-rc.1',
                     "Wait for: network 1, time-of-day-utc 7200.", 'Decrypt "radio" into "app".',
                     'Give up "app"; when nobody else needs it, it is removed.'):
        assert sentence in text, text
    assert "Do command" not in text
