"""Attack E1: keys whose private half everybody has are in no device, neither as a file nor compiled in."""
import base64
import os
import re
import subprocess
from pathlib import Path

import pytest
from server_tool import BUILD

ROOT = Path(__file__).resolve().parents[2]
# public halves: an example of draft-ietf-suit-manifest, and what MCUboot signs its samples with
DRAFT = bytes.fromhex("8496811aae0baaabd26157189eecda26beaa8bf11b6f3fe6e2b5659c85dbc0ad"
                      "3b1f2a4b6c098131c0a36dacd1d78bd381dcdfb09c052db33991db7338b4a896")
MCUBOOT = bytes.fromhex("2acb403ce8feed5ba44995a1a91daee8dbbe1937cd14fb2f245737e5953988d9"
                        "94b9d65aebd7cdd5308ad6fe48b24a6a810ee5f07d8b6834cc3a6afc538efac1")
MCUBOOT_ED25519 = bytes.fromhex("d4b31ba49a3add3f825d10ca7f31b50b0de87f37ccc49f1a403a5c1320ffb4e0")


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)


def public_of(path):
    """The raw coordinates at the end of a SubjectPublicKeyInfo."""
    der = base64.b64decode("".join(line for line in path.read_text().splitlines() if "-----" not in line))
    return der[-64:] if len(der) > 64 else der[-32:]


@pytest.fixture(scope="module")
def devices(tmp_path_factory):
    """Two devices in good order, by the algorithm of their author, and one whose trust is replaceable."""
    desk = tmp_path_factory.mktemp("desk")
    updraft = BUILD / "updraft"
    for alg in ("ES256", "Ed25519"):
        assert run(updraft, "keygen", "--output", desk / alg, f"--alg={alg}").returncode == 0
    assert run(updraft, "keygen", "--output", desk / "root").returncode == 0
    (desk / "roots.ini").write_text(f"[roots]\nthreshold = 1\n[key root]\nfile = {desk}/root.pub\n")
    assert run(updraft, "trust", "make", desk / "roots.ini", "--output", desk / "roots.cbor").returncode == 0
    for name, anchor, more in (("ES256", "ES256", []), ("Ed25519", "Ed25519", []), ("roots", "ES256", ["--roots", desk / "roots.cbor"])):
        made = run(updraft, "device", "init", desk / name, "--vendor", "example.com", "--class", "sensor",
                   "--anchor", desk / f"{anchor}.pub", "--slot-bytes", 65536, *more)
        assert made.returncode == 0, made.stderr
    return desk


def exchanged(desk, device, own, public):
    """A provisioning file that trusts `public` where it trusted the key `own`, as no tool of ours would write it."""
    data, old = (desk / device / "provisioning.cbor").read_bytes(), public_of(desk / f"{own}.pub")
    for i in range(0, len(old), 32):
        assert data.count(old[i:i + 32]) == 1
        data = data.replace(old[i:i + 32], public[i:i + 32])
    path = desk / f"{device}-{own}-{public[:4].hex()}.cbor"
    path.write_bytes(data)
    return path


CASES = [("ES256", "ES256", DRAFT, "anchor 0"), ("ES256", "ES256", MCUBOOT, "anchor 0"),
         ("Ed25519", "Ed25519", MCUBOOT_ED25519, "anchor 0"), ("roots", "root", DRAFT, "root 0")]


@pytest.mark.parametrize("options", [[], ["--image-offset"], ["--second-offset"]])
@pytest.mark.parametrize("device, own, public, where", CASES)
def test_e1_a_published_key_is_not_compiled_in(devices, device, own, public, where, options):
    good = run(ROOT / "scripts/root-source", *options, devices / device / "provisioning.cbor")
    assert good.returncode == 0 and good.stdout, good.stderr
    bad = run(ROOT / "scripts/root-source", *options, exchanged(devices, device, own, public))
    assert bad.returncode != 0 and bad.stdout == ""
    assert f"{where} is a key whose private half was published" in bad.stderr and "updraft keygen" in bad.stderr


def pem(public):
    head = base64.b64decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE" if len(public) == 64 else "MCowBQYDK2VwAyEA")
    return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(head + public).decode()}-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize("public", [DRAFT, MCUBOOT, MCUBOOT_ED25519], ids=["draft", "mcuboot", "mcuboot-ed25519"])
def test_e1_a_published_key_is_no_anchor_of_a_new_device(devices, public):
    (devices / "known.pub").write_text(pem(public))
    made = run(BUILD / "updraft", "device", "init", devices / "never", "--vendor", "example.com", "--class", "sensor",
               "--anchor", devices / "known.pub", "--slot-bytes", 65536)
    assert made.returncode != 0 and "UD_ERR_KEY_PUBLISHED" in made.stderr
    assert not (devices / "never" / "provisioning.cbor").exists()
    for title in ("roots", "store"):
        (devices / "known.ini").write_text(f"[{title}]\nthreshold = 1\n[key known]\nfile = {devices}/known.pub\n")
        made = run(BUILD / "updraft", "trust", "make", devices / "known.ini", "--output", devices / "never.trust")
        assert made.returncode != 0 and "UD_ERR_KEY_PUBLISHED" in made.stderr, made.stderr
        assert not (devices / "never.trust").exists()


def test_e1_a_build_for_the_board_with_a_published_root_fails(devices, tmp_path):
    """The build itself, not its script alone: what `UD_ROOT=file make mcu` does first."""
    mcu = os.environ.get("UPDRAFT_MCU")
    if not mcu:
        pytest.skip("make mcu builds what this looks at")
    cache = dict(re.findall(r"^(\w+):\w+=(.*)$", (Path(mcu) / "CMakeCache.txt").read_text(), re.M))
    names = ["MBEDTLS_SOURCE", "SODIUM_SOURCE", "CMAKE_TOOLCHAIN_FILE", *(name for name in cache if re.fullmatch(r"UD_(\w+_)?ROOT", name))]
    values = {name: cache[name] for name in names} | {"UD_ROOT": exchanged(devices, "ES256", "ES256", MCUBOOT)}
    made = run("cmake", "-S", ROOT / "src/ports/mps2-an385", "-B", tmp_path, "-G", "Ninja", *(f"-D{name}={value}" for name, value in values.items()),
               env={name: value for name, value in os.environ.items() if name not in ("CFLAGS", "LDFLAGS")})
    assert made.returncode != 0 and "whose private half was published" in made.stdout + made.stderr
