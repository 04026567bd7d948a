"""Attack E8: the random source fails. Nothing is made that should have been by chance, and nobody goes on with zeros."""
import os
import subprocess

import pytest
from server_tool import BUILD, Server
from test_device import Device, wait_for, world  # noqa: F401 (a fixture)

BROKEN = "openssl_conf = init\n[init]\nrandom = random\n[random]\nrandom = NO-SUCH-GENERATOR\n"


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """What to add to a program's environment, so that its library has no random generator."""
    path = tmp_path_factory.mktemp("random") / "openssl.cnf"
    path.write_text(BROKEN)
    return {"OPENSSL_CONF": str(path)}


def updraft(*words, cwd, env=None):
    return subprocess.run([str(BUILD / "updraft"), *map(str, words)], cwd=cwd, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    desk = tmp_path_factory.mktemp("desk")
    (desk / "image.bin").write_bytes(bytes(1000))
    for words in (("keygen", "--output", "key"), ("create", "--image", "image.bin", "--vendor", "example.com", "--class", "lock",
                                                  "--sequence", 1, "--output", "app.suit")):
        assert updraft(*words, cwd=desk).returncode == 0
    return desk


@pytest.mark.parametrize("words", [
    ("keygen", "--output", "new"), ("keygen", "--output", "new", "--alg=Ed25519"), ("keygen", "--output", "new", "--alg=HMAC256"),
    ("keygen", "--output", "new", "--alg=HSS-LMS", "--no-witness"), ("sign", "app.suit", "--key", "key.key"),
    ("encrypt", "image.bin", "--recipient", "key.pub", "--output", "new.enc", "--info", "new.info"),
    ("device", "init", "new", "--vendor", "example.com", "--class", "lock", "--anchor", "key.pub", "--layout", "swap", "--at-rest")],
    ids=lambda words: "-".join(word.strip("-") for word in words if "." not in word)[:40])
def test_e8_the_desk_makes_nothing_without_chance(desk, broken, words):
    before = {path.name: path.read_bytes() for path in desk.iterdir() if path.is_file()}
    made = updraft(*words, cwd=desk, env=os.environ | broken)
    assert made.returncode != 0 and "UD_ERR_CRYPTO" in made.stderr, made.stdout + made.stderr
    assert {path.name: path.read_bytes() for path in desk.iterdir() if path.is_file()} == before
    assert not list(desk.glob("new*/*.key"))


def test_e8_a_server_without_chance_does_not_start(tmp_path, broken):
    for first in (True, False):  # a new one, and one that had its secrets from better times
        server = Server(tmp_path / "state")
        if not first:
            server.start()
            server.stop()
        server.environment = (server.environment or dict(os.environ)) | broken
        with pytest.raises(RuntimeError, match='step="random source" error=UD_ERR_CRYPTO'):
            server.start()
        server.log.close()
        if first:
            assert not (tmp_path / "state" / "admin.token").exists()


def test_e8_a_device_without_chance_says_so_and_goes_on_when_it_is_back(world, broken):  # noqa: F811
    device = Device(world, "no-chance")
    device.power_on(broken)
    wait_for("its word", lambda: "err=UD_ERR_CRYPTO" in device.log_text())
    device.power_off()
    assert world.get("/api/v1/devices/no-chance").get("running") is None
    device.power_on().runs(1)
    device.power_off()
