"""Keys of every kind: files, COSE_Key, tokens (SoftHSM), one-time keys with their witness; and signatures made elsewhere."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cose_tool import cbor
from test_author import BUILD, Desk

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "24680"


@pytest.fixture
def desk(tmp_path):
    if not (BUILD / "updraft").exists():
        pytest.skip("updraft is not built")
    desk = Desk(tmp_path)
    desk.create()
    return desk


@pytest.fixture
def elsewhere():
    """A folder on another medium than the test's own."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm", prefix="updraft-witness-"))
    yield folder
    shutil.rmtree(folder)


def signed(desk, key, *more, output="signed.suit"):
    return desk.json("sign", "app.suit", "--key", key, "--output", output, *more)


@pytest.mark.parametrize("alg", ["ES256", "ESP256", "Ed25519"])
def test_a_key_of_each_kind_signs_and_is_verified(desk, alg):
    made = desk.json("keygen", "--alg", alg)
    more = ["--alg", alg] if alg == "ESP256" else []
    assert signed(desk, "author.key", *more)["algorithm"] == alg
    answer = desk.json("verify", "signed.suit", "--anchor", "author.pub")
    assert answer["signers"] == [made["kid"]]
    assert desk.json("inspect", "signed.suit")["signatures"] == [{"kid": made["kid"], "algorithm": alg}]


@pytest.mark.parametrize("more", [["--alg", "Ed25519"], ["--alg", "HMAC256"],
                                  ["--alg", "HSS-LMS", "--levels", "sha256/192:5/1", "--no-witness"],
                                  ["--alg", "HSS-LMS", "--levels", "sha256:5/8,5/8", "--no-witness"]])
def test_a_device_that_trusts_a_key_of_each_kind_takes_its_first_image(desk, more):
    desk.json("keygen", *more)
    anchor = "author.key" if "HMAC256" in more else "author.pub"
    signed(desk, "author.key")
    init = ["--vendor", "example.com", "--class", "door-lock", "--anchor", anchor, "--image", "app.bin"]
    desk.updraft("device", "init", "door-17", *init, "--factory", "signed.suit")
    assert (desk.folder / "app.bin").read_bytes() in (desk.folder / "door-17/flash.bin").read_bytes()
    desk.json("keygen", *more, "--output", "other")
    desk.updraft("sign", "app.suit", "--key", "other.key", "--output", "other.suit")
    assert "UD_ERR_UNTRUSTED" in desk.updraft("device", "init", "door-18", *init, "--factory", "other.suit", code=1).stderr


def test_an_hmac_key_makes_a_tag_that_only_it_verifies(desk):
    made = desk.json("keygen", "--alg", "HMAC256")
    assert "public" not in made and not (desk.folder / "author.pub").exists()
    signed(desk, "author.key")
    assert desk.json("verify", "signed.suit", "--anchor", "author.key")["signers"] == [made["kid"]]
    desk.json("keygen", "--alg", "HMAC256", "--output", "other")
    desk.refused("UD_ERR_UNTRUSTED", "verify", "signed.suit", "--anchor", "other.key")


def test_an_algorithm_that_does_not_fit_the_key_is_refused(desk):
    desk.json("keygen", "--alg", "Ed25519")
    desk.refused("UD_ERR_ALGORITHM", "sign", "app.suit", "--key", "author.key", "--alg", "ES256")


def cose_key_of(private):
    numbers = private.private_numbers()
    part = [n.to_bytes(32, "big") for n in (numbers.public_numbers.x, numbers.public_numbers.y, numbers.private_value)]
    return {1: 2, -1: 1, -2: part[0], -3: part[1], -4: part[2]}


def test_a_cose_key_file_signs_like_the_pem_file_of_the_same_key(desk):
    kid = desk.keygen()
    private = serialization.load_pem_private_key((desk.folder / "author.key").read_bytes(), None)
    path = desk.folder / "author.cose"
    path.write_bytes(cbor(cose_key_of(private)))
    desk.refused("UD_ERR_EXPOSED", "sign", "app.suit", "--key", "author.cose")
    path.chmod(0o600)
    assert signed(desk, "author.cose")["kid"] == kid
    desk.updraft("verify", "signed.suit", "--anchor", "author.pub")
    wrong = cose_key_of(private)
    wrong[-4] = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
    path.write_bytes(cbor(wrong))
    desk.refused("UD_ERR_KEY", "sign", "app.suit", "--key", "author.cose")


def test_another_machine_signs_a_request_and_the_answer_is_attached(desk):
    desk.json("create", "--image", "app.bin", "--vendor", "example.com", "--class", "door-lock", "--sequence", "7",
              "--integrated", "--output", "app.suit")
    kids = [desk.keygen(), desk.keygen("approver")]
    request = desk.json("sign", "app.suit", "--request", "app.request")
    assert request["bytes"] < 1000 < (desk.folder / "app.suit").stat().st_size
    assert desk.json("inspect", "app.request")["digest"] == desk.json("inspect", "app.suit")["digest"]
    for name in ("author", "approver"):
        desk.updraft("sign", "app.request", "--key", f"{name}.key", "--output", f"{name}.answer")
        answer = desk.json("sign", "app.suit", "--attach", f"{name}.answer", "--anchor", f"{name}.pub")
        assert answer["attached"] == 1
    verified = desk.json("verify", "app.suit", "--anchor", "author.pub", "--anchor", "approver.pub", "--threshold", "2",
                         "--image", "app.bin")
    assert verified["signers"] == kids
    desk.refused("UD_ERR_CONFLICT", "sign", "app.suit", "--attach", "author.answer", "--anchor", "author.pub")


def test_a_wrong_answer_is_not_attached(desk):
    desk.keygen()
    desk.keygen("stranger")
    before = (desk.folder / "app.suit").read_bytes()
    desk.updraft("sign", "app.suit", "--request", "app.request")
    desk.updraft("sign", "app.request", "--key", "stranger.key", "--output", "stranger.answer")
    desk.refused("UD_ERR_UNTRUSTED", "sign", "app.suit", "--attach", "stranger.answer", "--anchor", "author.pub")
    desk.refused("UD_ERR_UNSIGNED", "sign", "app.suit", "--attach", "app.request", "--anchor", "author.pub")
    desk.create("next.suit", 8)
    desk.updraft("sign", "next.suit", "--key", "author.key")
    desk.refused("UD_ERR_DIGEST", "sign", "app.suit", "--attach", "next.suit", "--anchor", "author.pub")
    answer = desk.folder / "stranger.answer"
    answer.write_bytes(answer.read_bytes()[:-200] + b"x" + answer.read_bytes()[-199:])
    assert "UD_ERR_" in desk.updraft("sign", "app.suit", "--attach", "stranger.answer", "--anchor", "stranger.pub",
                                     code=1).stderr
    assert (desk.folder / "app.suit").read_bytes() == before


class Token:
    """A SoftHSM token of its own."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder / "tokens"
        self.folder.mkdir()
        conf = folder / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {self.folder}\nobjectstore.backend = file\nlog.level = ERROR\n")
        monkeypatch.setenv("SOFTHSM2_CONF", str(conf))
        self.util("--init-token", "--free", "--label", "release", "--so-pin", "13579", "--pin", PIN)
        self.pin_file = folder / "pin"
        self.pin_file.write_text(PIN + "\n")
        self.pin_file.chmod(0o600)

    def util(self, *words):
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True, timeout=60)

    def add(self, pem, label):
        self.util("--import", str(pem), "--token", "release", "--label", label, "--id", "a1", "--pin", PIN)

    @staticmethod
    def uri(label, module=SOFTHSM):
        return f"pkcs11:token=release;object={label}?module-path={module}"


@pytest.fixture
def token(desk, monkeypatch):
    if not SOFTHSM.exists() or shutil.which("softhsm2-util") is None:
        pytest.skip("softhsm2 is not installed")
    desk.keygen()
    token = Token(desk.folder, monkeypatch)
    token.add(desk.folder / "author.key", "author")
    return token


def test_a_key_in_a_token_signs_like_the_file_that_it_came_from(desk, token):
    kid = desk.json("sign", "app.suit", "--key", "author.key", "--output", "file.suit")["kid"]
    assert signed(desk, token.uri("author"), "--pin-file", token.pin_file)["kid"] == kid
    desk.updraft("verify", "signed.suit", "--anchor", "author.pub", "--image", "app.bin")


def test_the_pin_comes_from_the_environment_too_and_never_from_the_command_line(desk, token, monkeypatch):
    monkeypatch.setenv("UPDRAFT_PIN", PIN)
    signed(desk, token.uri("author"))
    desk.refused("UD_ERR_URI", "sign", "app.suit", "--key", token.uri("author") + f"&pin-value={PIN}", code=1)


@pytest.mark.parametrize("label, pin, name", [("author", "00000", "UD_ERR_TOKEN"), ("nobody", PIN, "UD_ERR_NOT_FOUND")])
def test_a_token_that_does_not_open_signs_nothing(desk, token, monkeypatch, label, pin, name):
    monkeypatch.setenv("UPDRAFT_PIN", pin)
    before = (desk.folder / "app.suit").read_bytes()
    desk.refused(name, "sign", "app.suit", "--key", token.uri(label), code=1 if name == "UD_ERR_TOKEN" else 3)
    assert (desk.folder / "app.suit").read_bytes() == before


def test_a_pin_file_that_others_can_read_is_refused(desk, token):
    token.pin_file.chmod(0o644)
    desk.refused("UD_ERR_EXPOSED", "sign", "app.suit", "--key", token.uri("author"), "--pin-file", token.pin_file)


def test_e6_a_token_pulled_out_in_mid_signing_leaves_the_envelope_as_it_was(desk, token, monkeypatch):
    gone = BUILD / "libtokengone.so"
    if not gone.exists():
        pytest.skip("tokengone is not built")
    monkeypatch.setenv("TOKEN_MODULE", str(SOFTHSM))
    before = (desk.folder / "app.suit").read_bytes()
    desk.refused("UD_ERR_TOKEN", "sign", "app.suit", "--key", token.uri("author", gone), "--pin-file", token.pin_file)
    assert (desk.folder / "app.suit").read_bytes() == before
    assert not list(desk.folder.glob("app.suit.*"))


def hss_key(desk, elsewhere, *more):
    return desk.json("keygen", "--alg", "HSS-LMS", "--levels", "sha256/192:5/1", "--witness", elsewhere / "witness", *more)


def leaf_of(desk, path):
    """The number of the leaf that signed: the envelope's last authentication block ends in a signature of known size."""
    content = (desk.folder / path).read_bytes()
    size = 4 + 4 + 4 + 24 + 200 * 24 + 4 + 5 * 24
    at = content.index(b"\x59" + size.to_bytes(2, "big")) + 3
    return int.from_bytes(content[at + 4:at + 8], "big")


def test_a_one_time_key_counts_down_and_a_device_would_take_its_signature(desk, elsewhere):
    made = hss_key(desk, elsewhere)
    assert made["signatures"] == 32
    for number in range(3):
        assert signed(desk, "author.key")["left"] == 31 - number
        assert leaf_of(desk, "signed.suit") == number
        assert f"next {number + 1}\n" in (elsewhere / "witness").read_text()
    desk.updraft("verify", "signed.suit", "--anchor", "author.pub")


def test_e4_a_one_time_key_restored_from_a_backup_signs_nothing(desk, elsewhere):
    hss_key(desk, elsewhere)
    backup = (desk.folder / "author.key").read_bytes()
    signed(desk, "author.key")
    (desk.folder / "author.key").write_bytes(backup)
    desk.refused("UD_ERR_WITNESS", "sign", "app.suit", "--key", "author.key")
    (elsewhere / "witness").unlink()
    desk.refused("UD_ERR_WITNESS", "sign", "app.suit", "--key", "author.key")


def test_e4_a_witness_beside_the_key_is_refused_and_none_must_be_asked_for(desk):
    desk.refused("UD_ERR_WITNESS", "keygen", "--alg", "HSS-LMS", "--witness", desk.folder / "witness")
    told = desk.updraft("keygen", "--alg", "HSS-LMS", code=2).stderr
    assert "restored from a backup" in told and "--no-witness" in told
    assert not (desk.folder / "author.key").exists()
    told = desk.updraft("keygen", "--alg", "HSS-LMS", "--levels", "sha256/192:5/1", "--no-witness").stdout
    assert "restored from a backup" in told
    signed(desk, "author.key")


def test_e4_a_one_time_key_is_never_replaced(desk, elsewhere):
    hss_key(desk, elsewhere)
    before = (desk.folder / "author.key").read_bytes()
    desk.refused("UD_ERR_CONFLICT", "keygen", "--alg", "HSS-LMS", "--no-witness", "--force")
    assert (desk.folder / "author.key").read_bytes() == before


def test_the_witness_may_be_an_object_in_a_token(desk, token):
    uri = f"pkcs11:token=release?module-path={SOFTHSM}"
    (desk.folder / "author.key").unlink()
    (desk.folder / "author.pub").unlink()
    desk.json("keygen", "--alg", "HSS-LMS", "--levels", "sha256/192:5/1", "--witness", uri, "--pin-file", token.pin_file)
    backup = (desk.folder / "author.key").read_bytes()
    for number in range(2):
        assert signed(desk, "author.key", "--pin-file", token.pin_file)["left"] == 31 - number
    (desk.folder / "author.key").write_bytes(backup)
    desk.refused("UD_ERR_WITNESS", "sign", "app.suit", "--key", "author.key", "--pin-file", token.pin_file)
    shutil.rmtree(token.folder)
    desk.refused("UD_ERR_WITNESS", "sign", "app.suit", "--key", "author.key", "--pin-file", token.pin_file)


def test_e4_killed_between_any_two_steps_no_leaf_signs_twice(desk, elsewhere):
    cutter = BUILD / "libstepcut.so"
    if not cutter.exists():
        pytest.skip("stepcut is not built")
    hss_key(desk, elsewhere)
    seen = set()
    for step in range(1, 40):
        output = desk.folder / f"{step}.suit"
        done = subprocess.run([BUILD / "updraft", "sign", "app.suit", "--key", "author.key", "--output", output],
                              cwd=desk.folder, capture_output=True, timeout=60,
                              env={**os.environ, "LD_PRELOAD": str(cutter), "STEPCUT": str(step),
                                   "STEPCUT_FILES": f"author.key:{elsewhere / 'witness'}:{output.name}"})
        if output.exists():
            leaf = leaf_of(desk, output.name)
            assert leaf not in seen
            seen.add(leaf)
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
    assert done.returncode == 0 and step > 6  # key, witness and envelope: each a write, a sync and a rename at least
    after = desk.json("sign", "app.suit", "--key", "author.key", "--output", "after.suit")
    assert leaf_of(desk, "after.suit") not in seen and after["left"] < 31
