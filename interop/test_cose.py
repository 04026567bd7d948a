"""COSE beside pycose and cbor2: they agree on what we make, and we on what they make."""
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("UPDRAFT_BUILD", ROOT / "build/release"))


@pytest.fixture(scope="module")
def peer(cose_python):
    """What interop/cose/peer.py found, in an environment of its own, by the name of the case."""
    helper = BUILD / "interop-cose"
    if not helper.exists():
        pytest.skip("`make interop` builds interop-cose and runs this")
    run = subprocess.run([cose_python, ROOT / "interop/cose/peer.py", helper], capture_output=True, text=True,
                         timeout=120)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("case", ["sign1", "sign", "mac0", "deterministic"])
def test_pycose_verifies_what_we_sign(peer, case):
    assert peer["ours"][case] is True


@pytest.mark.parametrize("case", ["sign1", "sign", "mac0"])
def test_we_verify_what_pycose_signs_and_no_other_key_does(peer, case):
    assert peer["theirs"][case] == [{"sign1": "UD_OK 1", "sign": "UD_OK 3", "mac0": "UD_OK 1"}[case],
                                    "UD_ERR_UNTRUSTED 0"]


@pytest.mark.parametrize("case", ["A128GCM", "A256GCM"])
def test_pycose_decrypts_what_we_encrypt(peer, case):
    assert peer["ours"][case] is True


@pytest.mark.parametrize("case", ["A128GCM", "A256GCM"])
def test_we_decrypt_what_pycose_encrypts_and_notice_a_changed_byte(peer, case):
    assert peer["theirs"][case] == [True, "UD_ERR_DECRYPT"]
