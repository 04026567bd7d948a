"""`updraft inspect` of what is no envelope: reports with all their claims, keys, encryption infos."""
import hashlib

import pytest

import cose_tool
from cose_tool import Key, Tag, cbor
from test_author import BUILD, Desk


@pytest.fixture
def desk(tmp_path):
    if not (BUILD / "updraft").exists():
        pytest.skip("updraft is not built")
    return Desk(tmp_path)


def report(desk, key, **more):
    digest = hashlib.sha256(b"image").digest()
    content = cose_tool.report(key, b"m" * 32, digest, sequence=7, counter=41, nonce=bytes(16), **more)
    (desk.folder / "report.cose").write_bytes(content)
    (desk.folder / "device.pub").write_text(key.pem)
    return digest


def test_a_report_shows_all_its_claims_and_whether_its_device_made_it(desk):
    key = Key()
    digest = report(desk, key)
    show = desk.json("inspect", "report.cose")
    assert show["kind"] == "report" and "not checked" in show["signature"] and "verified" not in show
    assert show["signatures"] == [{"kid": key.kid.hex(), "algorithm": "ES256"}]
    content = show["content"]
    assert content["reference"] == ["", [-16, (b"m" * 32).hex()]]
    assert content["records"] == [{"component": "app", "digest": [-16, digest.hex()], "size": 4,
                                   "epoch and sequence": [0, 7]}]
    assert content["result"] is True and content["nonce"] == bytes(16).hex()
    assert content["device"] == {"boot count": 3, "report counter": 41, "boot reason": 1}
    assert desk.json("inspect", "report.cose", "--anchor", "device.pub")["verified"] is True
    text = desk.updraft("inspect", "report.cose").stdout
    assert "report counter" in text and digest.hex() in text


def test_a_report_of_a_failure_or_of_another_device_says_so(desk):
    report(desk, Key(), result=53)
    show = desk.json("inspect", "report.cose")
    assert show["content"]["result"]["error"] == "UD_ERR_IMAGE_MISMATCH"  # 53
    report(desk, Key(), result=9999)
    assert desk.json("inspect", "report.cose")["content"]["result"]["error"] == 9999
    report(desk, Key(), result=53)
    desk.keygen("other")
    show = desk.json("inspect", "report.cose", "--anchor", "other.pub")
    assert show["verified"] is False and show["signature"] == "UD_ERR_UNTRUSTED"


@pytest.mark.parametrize("alg, kind", [("ES256", "P-256"), ("Ed25519", "Ed25519"), ("HSS-LMS", "HSS-LMS")])
def test_a_public_key_shows_its_type_and_kid(desk, alg, kind):
    more = ["--levels", "sha256/192:5/1", "--no-witness"] if alg == "HSS-LMS" else []
    kid = desk.json("keygen", "--alg", alg, *more)["kid"]
    assert desk.json("inspect", "author.pub") == {"kind": "public key", "type": kind, "kid": kid}


def test_of_a_one_time_key_only_what_is_left_is_shown(desk):
    kid = desk.json("keygen", "--alg", "HSS-LMS", "--levels", "sha256/192:5/1", "--no-witness")["kid"]
    assert desk.json("inspect", "author.key") == {"kind": "private key", "type": "HSS-LMS", "kid": kid,
                                                  "signatures left": 32, "of": 32, "witness": "none"}


def test_private_keys_are_not_shown(desk):
    desk.keygen()
    desk.refused("UD_ERR_KEY", "inspect", "author.key")
    (desk.folder / "a.cose").write_bytes(cbor({1: 2, -1: 1, -2: bytes(32), -3: bytes(32), -4: b"\x55" * 32}))
    assert "55" * 8 not in desk.refused("UD_ERR_KEY", "inspect", "a.cose")


def test_an_encryption_info_shows_its_ciphers_and_recipients(desk):
    kid = desk.keygen()
    (desk.folder / "group.cose").write_bytes(cbor({1: 4, 2: b"group-7", -1: bytes(32)}))
    (desk.folder / "group.cose").chmod(0o600)
    desk.updraft("encrypt", "app.bin", "-r", "author.pub", "-r", "group.cose", "--alg", "A128CTR", "--output", "app.enc",
                 "--info", "app.info")
    show = desk.json("inspect", "app.info")
    assert show["kind"] == "encryption info" and show["content"]["algorithm"] == "A128CTR"
    assert [one["kid"] for one in show["recipients"]] == [kid, b"group-7".hex()]
    assert [one["algorithm"] for one in show["recipients"]] == ["ECDH-ES+A128KW", "A256KW"]
    content = (desk.folder / "app.info").read_bytes()
    for size in range(2, len(content), 7):
        (desk.folder / "cut.info").write_bytes(content[:size])
        assert "UD_ERR_" in desk.updraft("inspect", "cut.info", code=1).stderr


@pytest.mark.parametrize("content", [cbor(Tag(18, [b"", {}, b"x", b"y"])), cbor({}), b"\xd8\x60", cbor({1: 99}), b"-", b""])
def test_what_is_nothing_is_refused_by_name(desk, content):
    (desk.folder / "x").write_bytes(content)
    assert "UD_ERR_" in desk.updraft("inspect", "x", code=1).stderr


def test_a_text_in_a_report_cannot_fool_the_terminal(desk):
    key = Key()
    (desk.folder / "x").write_bytes(key.sign1(cbor({99: ["\x1b[2Jgone", [-16, bytes(32)]], 3: [], 4: True})))
    assert "\x1b" not in desk.updraft("inspect", "x").stdout
