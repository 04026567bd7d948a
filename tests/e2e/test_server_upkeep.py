"""Backup while it runs, restore and go on, and the check that finds what does not add up."""
import hashlib
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest
from server_tool import BUILD, Device, Server

PG_BIN = "/usr/lib/postgresql/15/bin"


def upkeep(*words, store=None, good=True):
    environment = {**os.environ, **({"UPDRAFTD_STORE": store} if store else {}),
                   "PATH": f"{PG_BIN}:{os.environ['PATH']}"}
    done = subprocess.run([str(BUILD / "updraftd"), *map(str, words)], env=environment, capture_output=True, text=True)
    if good is not None:
        assert (done.returncode == 0) == good, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request, tmp_path):
    """Stores for two servers, one after the other."""
    if request.param == "sqlite":
        return tmp_path, None, None
    postgres = request.getfixturevalue("postgres")
    return tmp_path, postgres.database(), postgres.database()


def test_f12_a_restored_server_goes_on_and_gives_out_no_id_again(places):
    folder, store, second_store = places
    server = Server(folder / "state", store=store).start()
    release = server.foreign_release(b"x" * 1000)["id"]
    device = server.add_device("gate-1", type="gateway")
    [before] = server.deploy(release, "gate-1")
    said = upkeep("backup", folder / "backup", "--state", server.state, store=store)
    assert "Backup in" in said
    # life goes on after the backup; then the machine is lost
    device.feedback(before, "closed", "success")
    server.add_device("gate-2", type="gateway")
    [lost] = server.deploy(release, "gate-2")
    later = server.foreign_release(b"y" * 1000, filename="b")["id"]
    nonces = {before, lost}
    server.kill()

    upkeep("restore", folder / "backup", "--state", folder / "again", store=second_store)
    back = Server(folder / "again", store=second_store).start()
    back.token = server.token
    assert back.api("GET", "/api/v1/whoami").json["name"] == "admin"
    assert back.api("GET", f"/api/v1/artifacts/{hashlib.sha256(b'x' * 1000).hexdigest()}").body == b"x" * 1000
    same = Device(back, "gate-1", device.token)
    assert "deploymentBase" in same.links()  # offered again: the server does not know that it was done
    assert same.feedback(before, "closed", "success").status == 200
    # what was given out after the backup is refused, not taken for something else
    assert same.feedback(lost, "closed", "success").status == 404
    back.add_device("gate-3", type="gateway")
    [new] = back.deploy(release, "gate-3")
    assert new not in nonces and new > lost
    assert back.foreign_release(b"z" * 1000, filename="c")["id"] > later
    assert "good" in upkeep("check", "--state", back.state, store=second_store)
    back.stop()


def test_a_restore_needs_an_empty_place_and_a_whole_backup(places):
    folder, store, second_store = places
    server = Server(folder / "state", store=store).start()
    server.add_device("a")
    upkeep("backup", folder / "backup", "--state", server.state, store=store)
    assert "UD_ERR_CONFLICT" in upkeep("backup", folder / "backup", "--state", server.state, store=store, good=False)
    server.stop()
    upkeep("restore", folder / "backup", "--state", server.state, store=store, good=False)
    assert server.start().api("GET", "/api/v1/devices").json["total"] == 1
    server.stop()
    assert "UD_ERR_NOT_FOUND" in upkeep("restore", folder / "nothing", "--state", folder / "x", store=second_store, good=False)
    data = (folder / "backup" / "store.backup").read_bytes()
    (folder / "backup" / "store.backup").write_bytes(data[:len(data) // 2])
    upkeep("restore", folder / "backup", "--state", folder / "y", store=second_store, good=False)
    assert "needs a folder" in upkeep("backup", "--state", server.state, store=store, good=False)


def test_a_backup_is_taken_while_people_write(tmp_path):
    server = Server(tmp_path / "state").start()
    for n in range(30):
        server.add_device(f"d-{n}")
    writer = subprocess.Popen([str(BUILD / "updraftd"), "backup", str(tmp_path / "b"), "--state", str(server.state)])
    for n in range(30, 60):
        server.add_device(f"d-{n}")
    assert writer.wait() == 0
    server.kill()
    upkeep("restore", tmp_path / "b", "--state", tmp_path / "again")
    back = Server(tmp_path / "again").start()
    assert 30 <= back.api("GET", "/api/v1/devices").json["total"] <= 60
    back.stop()
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "b" / "store.backup").stat().st_mode & 0o777 == 0o600


def damage_artifact(state):
    [file] = [p for p in (state / "artifacts").rglob("*") if p.is_file()][:1]
    data = bytearray(file.read_bytes())
    data[0] ^= 1
    file.chmod(0o600)
    file.write_bytes(data)


def run_sql(text):
    def change(state):
        database = sqlite3.connect(state / "updraft.db")
        database.execute("PRAGMA foreign_keys=OFF")
        database.execute(text)
        database.commit()
        database.close()
    return change


@pytest.mark.parametrize("words, damage", [
    ("is another file", damage_artifact),
    ("is not there", lambda state: [p for p in (state / "artifacts").rglob("*") if p.is_file()][0].unlink()),
    ("actions of devices that are not there", run_sql("DELETE FROM device")),
    ("actions that ended and are active", run_sql("UPDATE action SET state=9")),
    ("confirmed without a signed report", run_sql("UPDATE action SET state=7, active=0")),
    ("histories of actions", run_sql("DELETE FROM action_status")),
    ("another tenant", run_sql("UPDATE action SET tenant=2")),
    ("gaps in the numbers of the audit log", run_sql("DELETE FROM audit WHERE n=2")),
    ("a row of", run_sql("DELETE FROM tenant")),
    ("tokens of people", run_sql("DELETE FROM person")),
], ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "")
def test_check_names_what_does_not_add_up_and_what_to_do(tmp_path, words, damage):
    server = Server(tmp_path / "state").start()
    release = server.foreign_release(b"x" * 100)["id"]
    server.add_device("gate-1", type="gateway")
    server.deploy(release, "gate-1")
    assert "good: 0 findings, 1 artifacts" in upkeep("check", "--state", server.state)
    server.stop()
    damage(server.state)
    said = upkeep("check", "--state", server.state, good=False)
    assert words in said and "next: " in said, said


def test_check_says_when_the_file_itself_is_damaged(tmp_path):
    server = Server(tmp_path / "state").start()
    for n in range(50):
        server.add_device(f"d-{n}")
    server.stop()
    file = server.state / "updraft.db"
    data = bytearray(file.read_bytes())
    for at in range(8192, len(data), 4096):
        data[at:at + 64] = b"\xff" * 64
    file.write_bytes(data)
    assert "next: " in upkeep("check", "--state", server.state, good=False)
