"""The commands of `updraft` that talk to the server: login, keys, releases, devices, what they print and how they end."""
import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import threading

import pytest
from server_tool import BUILD, Device

OK, REFUSED, USAGE, NO_ANSWER = 0, 1, 2, 3


class Person:
    """Runs `updraft` in a folder with a profile of its own."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        folder.mkdir()
        self.profile = folder / "config" / "profile.ini"
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "UPDRAFT_PROFILE": str(self.profile)}
        self.url = server.listen["people"]["url"]
        self.ca = server.listen["ca"]

    def run(self, *words, env=None, stdin=""):
        return subprocess.run([str(BUILD / "updraft"), *map(str, words)], cwd=self.folder, env={**self.env, **(env or {})},
                              input=stdin, capture_output=True, text=True, timeout=120)

    def good(self, *words, **more):
        result = self.run(*words, **more)
        assert result.returncode == OK, (words, result.stdout, result.stderr)
        return result.stdout

    def json(self, *words):
        return json.loads(self.good(*words, "--json"))

    def bad(self, code, *words, **more):
        """Ends with `code`, and says what to do next."""
        result = self.run(*words, **more)
        assert result.returncode == code, (words, result.stdout, result.stderr)
        assert "\n  next: " in result.stderr, result.stderr
        return result.stderr

    def login(self):
        self.good("login", "--server", self.url, "--ca", self.ca, "--token-file", self.server.state / "admin.token")
        return self

    def secret(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def keys(self, name):
        self.good("keygen", "--output", name)
        return self.folder / f"{name}.pub"

    def envelope(self, name, sequence, image=b"image", keys=("author",)):
        (self.folder / f"{name}.bin").write_bytes(image)
        self.good("create", "--image", f"{name}.bin", "--vendor", "example.com", "--class", "lock", "--sequence", sequence,
                  "--output", f"{name}.suit")
        for key in keys:
            self.good("sign", "--key", f"{key}.key", f"{name}.suit")
        return f"{name}.suit"

    def publish(self, name, sequence, **more):
        return self.json("publish", self.envelope(name, sequence, **more), "--payload", f"{name}.bin")


@pytest.fixture
def stranger(tls_server, tmp_path):
    """Has not logged in."""
    return Person(tls_server, tmp_path / "person")


@pytest.fixture
def person(stranger):
    return stranger.login()


@pytest.fixture
def author(person):
    person.good("anchor", "add", "author", "--key", person.keys("author"))
    return person


# --- login

def test_login_keeps_a_profile_that_only_its_owner_reads(stranger):
    out = stranger.good("login", "--server", stranger.url, "--ca", stranger.ca, "--token-file",
                        stranger.server.state / "admin.token")
    assert stranger.server.token not in out
    assert stranger.profile.stat().st_mode & 0o777 == 0o600
    assert stranger.profile.parent.stat().st_mode & 0o077 == 0
    assert stranger.json("status")["content"] == []


def test_login_takes_the_token_from_environment_or_standard_input(stranger):
    where = ("login", "--server", stranger.url, "--ca", stranger.ca)
    stranger.good(*where, env={"UPDRAFT_TOKEN": stranger.server.token})
    stranger.profile.unlink()
    stranger.good(*where, "--token-file", "-", stdin=stranger.server.token + "\n")
    stranger.profile.unlink()
    stranger.good("status", env={"UPDRAFT_URL": stranger.url, "UPDRAFT_CA": stranger.ca,
                                 "UPDRAFT_TOKEN": stranger.server.token})
    assert not stranger.profile.exists(), "only login writes a profile"


def test_login_with_a_wrong_token_keeps_nothing(stranger):
    why = stranger.bad(REFUSED, "login", "--server", stranger.url, "--ca", stranger.ca, "--token-file",
                       stranger.secret("token", "wrong\n"))
    assert "UD_ERR_AUTH" in why and "wrong" not in why
    assert not stranger.profile.exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_secrets_that_others_can_read_are_refused(person, mode):
    readable = person.secret("token", person.server.token + "\n", mode)
    assert "chmod 600" in person.bad(NO_ANSWER, "login", "--server", person.url, "--ca", person.ca, "--token-file", readable)
    person.profile.chmod(mode)
    assert "chmod 600" in person.bad(NO_ANSWER, "status")
    person.profile.chmod(0o600)
    person.good("status")


def test_the_servers_certificate_is_checked(stranger):
    token = stranger.server.state / "admin.token"
    assert "UD_ERR_TLS" in stranger.bad(NO_ANSWER, "login", "--server", stranger.url, "--token-file", token)
    assert not stranger.profile.exists()


def test_a_token_never_goes_over_plain_http_to_another_host(stranger):
    token = stranger.server.state / "admin.token"
    for url in ("http://192.0.2.1:8080", "http://localhost.example.com", "http://127.0.0.1.example.com:80", "ftp://127.0.0.1",
                "http://user@192.0.2.1", "http://127.0.0.1@192.0.2.1"):
        assert "UD_ERR_URI" in stranger.bad(REFUSED, "login", "--server", url, "--token-file", token), url


# --- how commands end

def test_exit_codes_tell_refusal_from_usage_from_no_answer(person):
    person.good("status")
    person.bad(REFUSED, "status", "nobody")
    person.bad(REFUSED, "deploy", 99, "nobody")
    for words in (["status", "a", "b"], ["deploy"], ["deploy", "1"], ["deploy", "1", "a", "--all"], ["anchor"],
                  ["anchor", "add", "x"], ["publish"], ["device", "enrol"], ["device", "remove"], ["login"],
                  ["status", "--unknown"], ["nonsense"]):
        assert person.run(*words).returncode == USAGE, words
    person.server.stop()
    assert "UD_ERR_CONNECT" in person.bad(NO_ANSWER, "status")
    person.profile.unlink()
    assert "updraft login" in person.bad(NO_ANSWER, "status")


# --- anchors

def test_anchors_are_added_listed_and_removed(person):
    kid = person.json("anchor", "add", "release team", "--key", person.keys("author"), "--weight", 2)["kid"]
    [anchor] = person.json("anchor", "list")["content"]
    assert (anchor["name"], anchor["kid"], anchor["weight"]) == ("release team", kid, 2)
    assert kid in person.good("anchor", "list")
    person.good("anchor", "remove", kid)
    assert person.json("anchor", "list")["content"] == []
    person.bad(REFUSED, "anchor", "remove", kid)


def test_a_private_key_is_never_sent(person):
    person.keys("author")
    why = person.bad(REFUSED, "anchor", "add", "author", "--key", "author.key")
    assert "private key" in why
    assert "private key" in person.bad(REFUSED, "device", "enrol", "lock-1", "--key", "author.key")
    assert person.json("anchor", "list")["content"] == []
    assert person.json("device", "list")["content"] == []


# --- publish

def test_publish_sends_payloads_and_envelope_and_names_the_next_step(author):
    out = author.good("publish", author.envelope("app", 1), "--payload", "app.bin", "--version", "1.0")
    assert "Published as release 1: app" in out and "updraft deploy 1 DEVICE" in out
    [release] = author.json("releases")["content"]
    assert (release["name"], release["version"], release["sequence"], release["foreign"]) == ("app", "1.0", 1, False)
    assert "app" in author.good("releases") and "signed" in author.good("releases")


def test_publish_of_an_unknown_author_or_without_its_payload_is_refused(author):
    author.keys("other")
    assert "UD_ERR_UNTRUSTED" in author.bad(REFUSED, "publish", author.envelope("app", 1, keys=["other"]), "--payload",
                                            "app.bin")
    assert "UD_ERR_ARTIFACT_MISSING" in author.bad(REFUSED, "publish", author.envelope("lone", 2, b"lone"))
    assert author.json("releases")["content"] == []


class CuttingProxy:
    """Passes bytes on, and hangs up once after `cut_after` bytes towards the server."""

    def __init__(self, address, cut_after):
        self.address, self.cut_after = address, cut_after
        self.sent, self.connections = 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(self.address)
            threading.Thread(target=self.back, args=(far, near), daemon=True).start()
            threading.Thread(target=self.forth, args=(near, far), daemon=True).start()

    def back(self, far, near):
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                near.sendall(data)
            near.shutdown(socket.SHUT_WR)

    def forth(self, near, far):
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
                self.sent += len(data)
                if self.cut_after is not None and self.sent >= self.cut_after:
                    self.cut_after = None
                    near.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):  # whatever ended it, a reset too: the server hears of it
            far.shutdown(socket.SHUT_RDWR)


def test_publish_goes_on_from_where_its_connection_was_cut(author):
    image = os.urandom(6_000_000)
    envelope = author.envelope("app", 1, image)
    proxy = CuttingProxy(author.server.address("people"), cut_after=3_000_000)
    port = proxy.listener.getsockname()[1]
    author.good("publish", envelope, "--payload", "app.bin", "--server", f"https://127.0.0.1:{port}")
    proxy.listener.close()
    assert proxy.connections >= 2, "the cut happened"
    assert proxy.sent < len(image) + 1_500_000, "what had arrived was not sent again"
    [release] = author.json("releases")["content"]
    assert release["artifacts"][1]["size"] == len(image)


def test_publish_of_a_payload_that_is_there_sends_it_not_again(author):
    image = os.urandom(2_000_000)
    author.publish("one", 1, image=image)
    proxy = CuttingProxy(author.server.address("people"), cut_after=None)
    port = proxy.listener.getsockname()[1]
    author.good("publish", author.envelope("two", 2, image), "--payload", "two.bin", "--server", f"https://127.0.0.1:{port}")
    proxy.listener.close()
    assert proxy.sent < 100_000


# --- devices, deploy, status

def test_enrol_shows_its_secret_once_and_remove_ends_its_use(author):
    token = author.json("device", "enrol", "lock-1", "--key", author.keys("lock"))["token"]
    device = Device(author.server, "lock-1", token)
    assert device.call("GET").status == 200
    assert token not in author.good("device", "list") + author.good("status", "--json")
    author.good("device", "remove", "lock-1")
    assert device.call("GET").status == 401
    author.bad(REFUSED, "device", "remove", "lock-1")


def test_enrol_puts_the_token_into_the_devices_folder_and_shows_it_nowhere(author):
    author.good("device", "init", "lock-1", "--vendor", "v", "--class", "c", "--anchor", author.keys("someone"))
    shown = author.good("device", "enrol", "lock-1", "--folder", "lock-1")
    path = author.folder / "lock-1/token"
    token = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600 and token not in shown and "lock-1/token" in shown
    assert Device(author.server, "lock-1", token).call("GET").status == 200
    author.good("device", "remove", "lock-1")
    again = author.json("device", "enrol", "lock-1", "--folder", "lock-1")
    assert "token" not in again and again["tokenFile"] == "lock-1/token" and path.read_text() != token
    for more in (["--code"], ["--key", "lock-1/device.pub"]):
        assert author.run("device", "enrol", "lock-2", "--folder", "lock-1", *more).returncode == USAGE


def test_deploy_and_status_reach_a_fleet_of_more_than_one_page(author):
    names = sorted("lock-" + "x" * 130 + f"-{i:03}" for i in range(520))  # together more than one body may hold
    for name in names:
        assert author.server.api("POST", "/api/v1/devices", {"name": name}).status == 201
    release = author.publish("app", 1)["id"]
    answer = author.json("deploy", release, "--all")
    assert (answer["assigned"], answer["alreadyAssigned"]) == (len(names), 0)
    assert sorted(action["device"] for action in answer["actions"]) == names
    assert f"Assigned to 0 devices; {len(names)} had it already." in author.good("deploy", release, "--all")
    status = author.json("status")
    assert sorted(device["name"] for device in status["content"]) == names
    assert status["total"] == len(names)
    assert all(device["action"] for device in status["content"])
    assert len(author.good("status").splitlines()) == 1 + len(names)
    assert len(author.good("device", "list").splitlines()) == len(names)


# --- text from others is text

CONTROLS = "\x1b[2J\x1b]0;owned\x07 \x9b31m \x7f \r\n fake line"


def without_controls(text):
    return not any(c < " " and c != "\n" or "\x7f" <= c < "\xa0" for c in text)


def test_text_from_others_controls_no_terminal_and_no_log(author):
    device = Device(author.server, "lock-1", author.json("device", "enrol", "lock-1", "--key", author.keys("lock"))["token"])
    author.good("publish", author.envelope("app", 1), "--payload", "app.bin", "--name", "app \x9b31m red")
    shown = author.good("releases")
    assert "app ?31m red" in shown and without_controls(shown)
    [action] = author.json("deploy", 1, "lock-1")["actions"]
    assert device.feedback(action["id"], "closed", "failure", CONTROLS).status == 200
    assert device.call("PUT", "/configData", {"mode": "merge", "data": {"note": CONTROLS}}).status == 200
    assert device.call("GET", "http://x/default/controller/v1/%1b%5b2Jnobody").status == 400
    assert device.call("GET", "http://x/default/controller/v1/%c2%9b2Jnobody").status in (403, 404)
    shown = author.good("status", "lock-1")
    assert without_controls(shown) and len(shown.splitlines()) == 2
    assert without_controls(author.good("status", "lock-1", "--json"))
    assert without_controls(author.bad(REFUSED, "status", "\x1b[2J\x9b"))
    log = author.server.log_text()
    assert "\\xc2\\x9b2Jnobody" in log and without_controls(log)


def test_status_watch_shows_what_comes_after_its_start(person):
    watch = subprocess.Popen([str(BUILD / "updraft"), "status", "--watch"], env=person.env, stdout=subprocess.PIPE, text=True)
    try:
        assert "DEVICE" in watch.stdout.readline()
        person.server.add_device("late-comer")
        for line in watch.stdout:
            if "late-comer" in line:
                break
        else:
            pytest.fail("the watch ended without the device")
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()


# --- people, and the audit log

def test_people_are_made_changed_and_ended_by_commands(tls_server, tmp_path):
    boss = Person(tls_server, tmp_path / "boss").login()
    boss.good("user", "add", "carol", "--role", "operator", "--group", "eu", "--password-file", boss.secret("pw", "a long password\n"))
    boss.good("user", "add", "ci", "--service", "--role", "author", "--role", "approver")
    made = boss.json("token", "add", "build", "--user", "ci", "--role", "author", "--days", "90")
    assert made["roles"] == ["author"]
    assert "carol" in boss.good("user", "list") and "operator" in boss.good("user", "list")
    assert "UD_ERR_SEPARATION" in boss.bad(REFUSED, "user", "set", "carol", "--role", "operator", "--role", "author")
    robot = Person(tls_server, tmp_path / "robot")
    robot.good("login", "--server", robot.url, "--ca", robot.ca, "--token-file", robot.secret("token", made["token"]))
    assert "UD_ERR_FORBIDDEN" in robot.bad(REFUSED, "user", "list")
    assert "UD_ERR_FORBIDDEN" in robot.bad(REFUSED, "device", "enrol", "d", "--code")
    boss.good("token", "remove", made["id"])
    assert "UD_ERR_AUTH" in robot.bad(REFUSED, "releases")
    boss.good("user", "remove", "carol")
    assert "carol" not in boss.good("user", "list")
    assert "1" in boss.good("policy", "set", "--approvals", "1")
    boss.bad(REFUSED, "approve", "999")
    assert "shown once" in boss.good("tenant", "add", "acme") and "acme" in boss.good("tenant", "list")


def test_f14_audit_verify_sees_changed_cut_and_rewritten_logs(tls_server, tmp_path):
    boss = Person(tls_server, tmp_path / "boss").login()
    for n in range(5):
        boss.good("device", "enrol", f"d-{n}", "--code")
    assert boss.good("audit", "verify").startswith("5 entries")
    export = boss.good("audit", "export").splitlines()
    file = boss.folder / "audit.jsonl"
    file.write_text("\n".join(export) + "\n")
    assert boss.good("audit", "verify", "--file", file).startswith("5 entries")
    changed = [line.replace('"who":"admin"', '"who":"eve"') if n == 2 else line for n, line in enumerate(export)]
    for lines in (changed, export[:1] + export[2:], [export[1], export[0], *export[2:]], export + export[-1:], ["{}"], ["["]):
        file.write_text("\n".join(lines) + "\n")
        assert "UD_ERR_AUDIT" in boss.bad(REFUSED, "audit", "verify", "--file", file)
    # cut at its end, the chain holds by itself; but this is not the log that was seen before
    tls_server.stop()
    database = sqlite3.connect(tls_server.state / "updraft.db")
    database.execute("DELETE FROM audit WHERE n>3")
    database.commit()
    tls_server.start()
    boss.good("login", "--server", tls_server.listen["people"]["url"], "--token-file", tls_server.state / "admin.token")
    kept = next(boss.profile.parent.glob("*.audit-*"))
    database.close()
    head = kept.read_text()
    for moved in boss.profile.parent.glob("*.audit-*"):
        moved.unlink()
    boss.good("audit", "verify")
    next(boss.profile.parent.glob("*.audit-*")).write_text(head)
    assert "UD_ERR_AUDIT" in boss.bad(REFUSED, "audit", "verify")


PASSWORD = "correct horse battery"


@pytest.fixture
def carol(tls_server, tmp_path):
    """Somebody with a password, who has not logged in yet."""
    reply = tls_server.api("POST", "/api/v1/users", {"name": "carol", "roles": ["operator"], "password": PASSWORD})
    assert reply.status == 201, reply
    return Person(tls_server, tmp_path / "carol")


def test_a_password_makes_a_token_for_this_machine_and_is_kept_nowhere(carol):
    words = ("login", "--server", carol.url, "--ca", carol.ca, "--user", "carol", "--days", "3", "--password-file")
    assert "as carol" in carol.good(*words, "-", stdin=PASSWORD + "\n")
    assert PASSWORD not in carol.profile.read_text() and carol.profile.stat().st_mode & 0o777 == 0o600
    assert carol.json("token", "list")["content"][0]["label"] == "updraft login"
    # by a file descriptor, and from a file that only she can read
    read, write = os.pipe()
    os.write(write, (PASSWORD + "\n").encode())
    os.close(write)
    done = subprocess.run([str(BUILD / "updraft"), *words, f"/dev/fd/{read}"], env=carol.env, pass_fds=[read], capture_output=True,
                          text=True, timeout=120)
    os.close(read)
    assert done.returncode == OK, done.stderr
    carol.good(*words, carol.secret("password", PASSWORD))
    assert len(carol.json("token", "list")["content"]) == 3
    # the session that made it has ended: the audit log says so
    entries = [entry["what"] for entry in carol.server.api("GET", "/api/v1/audit").json["content"] if entry["who"] == "carol"]
    assert entries.count("POST /api/v1/tokens") == entries.count("DELETE /api/v1/session") == 3


def test_a_wrong_password_changes_nothing(carol):
    carol.good("login", "--server", carol.url, "--ca", carol.ca, "--user", "carol", "--password-file", carol.secret("good", PASSWORD))
    before = carol.profile.read_text()
    said = carol.bad(REFUSED, "login", "--server", carol.url, "--ca", carol.ca, "--user", "carol", "--password-file",
                     carol.secret("bad", "not the password"))
    assert "UD_ERR_AUTH" in said and "not the password" not in said
    carol.bad(USAGE, "login", "--server", carol.url, "--user", "carol", "--token-file", carol.secret("good", PASSWORD))
    carol.bad(USAGE, "login", "--server", carol.url, "--password-file", carol.secret("good", PASSWORD))
    carol.bad(USAGE, "login", "--server", carol.url, "--user", "carol", "--days", "0", "--password-file", carol.secret("good", PASSWORD))
    assert carol.profile.read_text() == before
