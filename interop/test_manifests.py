"""Independent decoders (cbor2, pycose) read what `updraft` makes of every example: signed, encrypted, severed."""
import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples/manifests").glob("*.ini"))
DECODE = ROOT / "interop/author/decode.py"
IMAGES = ("app.bin", "app-a.bin", "app-b.bin", "app-1.bin", "app-2.bin", "app.patch", "radio.bin", "ta.bin")


class Desk:
    def __init__(self, build, python, folder):
        self.program, self.python, self.folder = build / "updraft", python, folder
        for name in IMAGES:
            (folder / name).write_bytes(f"the content of {name}\n".encode() * 20)

    def __call__(self, *words):
        done = subprocess.run([self.program, *map(str, words)], cwd=self.folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def decode(self, name, key="author.pub"):
        done = subprocess.run([self.python, DECODE, name, key], cwd=self.folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def desk(build, cose_python, tmp_path):
    desk = Desk(build, cose_python, tmp_path)
    desk("keygen", "--output", "author")
    desk("encrypt", "app.bin", "--recipient", "author.pub", "--output", "app.enc", "--info", "app.info")
    (tmp_path / "radio.ini").write_text("[manifest]\nsequence = 4\nvendor = example.com\nclass = gateway\n"
                                        "component = radio.suit\n[component radio]\nimage = radio.bin\nstart = no\n")
    desk("create", "radio.ini", "--output", "radio.suit")
    desk("sign", "radio.suit", "--key", "author.key")
    return desk


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_independent_decoders_read_every_example(desk, example):
    (desk.folder / example.name).write_text(example.read_text())
    answer = json.loads(desk("create", example.name, "--output", "x.suit", "--json"))
    desk("sign", "x.suit", "--key", "author.key")
    found = desk.decode("x.suit")
    assert found["version"] == 1 and found["sequence"] == answer["sequence"] and found["verified"] == 1
    assert {1, 2} <= set(found["sequences"]["shared"])  # vendor and class are asked for


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
def test_a_severed_envelope_still_verifies(desk, alg):
    desk("keygen", "--alg", alg, "--output", "other")
    desk("create", "--image", "app.bin", "--vendor", "example.com", "--class", "x", "--sequence", "1", "--integrated",
         "--output", "x.suit")
    desk("sign", "x.suit", "--key", "other.key")
    desk("sever", "x.suit", "--output", "small.suit")
    found = desk.decode("small.suit", "other.pub")
    assert found["members"] == [2, 3] and found["verified"] == 1
