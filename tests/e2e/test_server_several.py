"""Several servers on one PostgreSQL: what one knows the others know, and none of them is missed."""
import signal
import threading
import time
from pathlib import Path

import pytest
from server_tool import Device, Server

KNOWN_S = 30  # a bound for "never", not for "late"


def until(what):
    """Ask until it is so."""
    deadline = time.monotonic() + KNOWN_S
    while not (result := what()):
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.02)
    return result


@pytest.fixture
def trio(postgres, tmp_path):
    url = postgres.database()
    first = Server(tmp_path / "s0", store=url).start()
    servers = [first]
    for n in (1, 2):
        server = Server(tmp_path / f"s{n}", store=url)
        (tmp_path / f"s{n}").mkdir(mode=0o700)
        (tmp_path / f"s{n}" / "admin.token").write_text(first.token)
        servers.append(server.start())
    yield servers
    for server in servers:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
            server.kill()


def at(device, server):
    return Device(server, device.name, device.token)


def test_a_device_and_its_offer_are_known_to_every_server(trio):
    first, second, third = trio
    release = first.foreign_release(b"x" * 64)["id"]
    device = first.add_device("gate-1", type="gateway")
    until(lambda: at(device, second).call("GET").status == 200)
    [action] = second.deploy(release, "gate-1")
    until(lambda: "deploymentBase" in at(device, third).links())
    assert at(device, third).feedback(action, "closed", "success").status == 200
    until(lambda: "deploymentBase" not in at(device, first).links())
    assert first.action(action)["state"] == "claimed"
    assert third.api("DELETE", "/api/v1/devices/gate-1").status == 204
    until(lambda: at(device, first).call("GET").status == 401)
    # a tenant, too
    token = first.api("POST", "/api/v1/tenants", {"name": "acme"}).json["token"]
    reply = second.api("POST", "/api/v1/devices", {"name": "a"}, token=token)
    far = Device(third, "a", reply.json["token"])
    far.base = "/acme/controller/v1/a"
    until(lambda: far.call("GET").status == 200)


def test_lost_notifications_are_made_up_for(trio, postgres):
    first, second, _ = trio
    # every listening connection is cut; what changes now reaches nobody by notification
    cut = postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid<>pg_backend_pid() AND"
                       " application_name='updraftd' AND (query LIKE 'LISTEN%' OR query LIKE '%changed>%' OR query LIKE"
                       " '%FROM device_gone%' OR query LIKE '%FROM tenant%' OR query LIKE '%owner<>0%')")
    assert len(cut) >= 3
    device = first.add_device("gate-1")
    until(lambda: at(device, second).call("GET").status == 200)


def test_kill_9_of_any_server_loses_nothing_that_was_acknowledged(trio):
    acknowledged, lock = [], threading.Lock()
    stopping = threading.Event()

    def work(server, number):
        n = 0
        while not stopping.is_set():
            name = f"d-{number}-{n}"
            try:
                reply = server.api("POST", "/api/v1/devices", {"name": name})
            except OSError:
                return  # killed
            if reply.status == 201:
                with lock:
                    acknowledged.append(name)
            n += 1

    threads = [threading.Thread(target=work, args=(server, n)) for n, server in enumerate(trio)]
    for thread in threads:
        thread.start()
    until(lambda: len(acknowledged) > 60)
    trio[0].kill()
    before = len(acknowledged)
    until(lambda: len(acknowledged) > before + 60)
    trio[1].kill()
    before = len(acknowledged)
    until(lambda: len(acknowledged) > before + 30)
    stopping.set()
    for thread in threads:
        thread.join()
    there, offset = set(), 0
    while len(page := trio[2].api("GET", f"/api/v1/devices?limit=500&offset={offset}").json["content"]) > 0:
        there |= {d["name"] for d in page}
        offset += 500
    assert set(acknowledged) <= there


def test_a_paused_server_stalls_the_others_no_longer_than_its_lease(trio, postgres):
    first, second, _ = trio
    stopping = threading.Event()

    def work():
        n = 0
        while not stopping.is_set():
            try:
                first.api("POST", "/api/v1/devices", {"name": f"busy-{n}"})
            except OSError:
                return
            n += 1

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    # pause it while it holds the writers' lock: then the database must end its transaction
    held = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING(pid) WHERE l.locktype='advisory' AND l.granted AND a.state='idle in transaction'"
    caught = False
    deadline = time.monotonic() + KNOWN_S
    while not caught and time.monotonic() < deadline:
        first.process.send_signal(signal.SIGSTOP)
        caught = postgres.sql(held, second_database(postgres)) != [["0"]]
        if not caught:
            first.process.send_signal(signal.SIGCONT)
    # whether it was caught inside a transaction or not, the others go on
    reply = second.api("POST", "/api/v1/devices", {"name": "meanwhile"})
    assert reply.status == 201, reply
    first.process.send_signal(signal.SIGCONT)
    stopping.set()
    until(lambda: first.api("POST", "/api/v1/devices", {"name": "awake"}).status in (201, 409))


def second_database(postgres):
    return f"updraft{postgres.made}"


def test_servers_with_wrong_clocks_share_the_work(postgres, tmp_path):
    """Leases and change numbers are the database's: a server whose clock is a day off neither loses nor blocks anything."""
    url = postgres.database()
    right = Server(tmp_path / "s0", store=url).start()
    (tmp_path / "s1").mkdir(mode=0o700)
    (tmp_path / "s1" / "admin.token").write_text(right.token)
    wrong = Server(tmp_path / "s1", store=url)
    wrong.environment.update(LD_PRELOAD="libfaketimeMT.so.1", FAKETIME="+1d",
                             LD_LIBRARY_PATH=str(next(Path("/usr/lib").glob("*/faketime"))))
    wrong.start()
    created = wrong.add_device("clock").server.api("GET", "/api/v1/devices/clock").json["createdAt"]
    assert created > (time.time() + 80000) * 1000  # its clock is wrong indeed
    device = wrong.add_device("a")
    until(lambda: at(device, right).call("GET").status == 200)
    assert right.api("POST", "/api/v1/devices", {"name": "b"}).status == 201
    right.stop()
    wrong.stop()


def test_a_rollout_goes_on_when_the_server_that_decided_is_killed_or_paused(trio, postgres):
    first, second, third = trio
    release = first.foreign_release(b"x" * 64)["id"]
    devices = [first.add_device(f"d{n}", type="gateway") for n in range(3)]
    reply = first.api("POST", "/api/v1/rollouts", {"name": "r", "release": release, "filter": "name==d*", "groups": 3})
    assert reply.status == 201, reply
    rollout = reply.json["id"]
    see = lambda server: server.api("GET", f"/api/v1/rollouts/{rollout}").json["state"]
    until(lambda: see(second) == "ready")
    assert second.api("POST", f"/api/v1/rollouts/{rollout}/start").status == 200
    database = second_database(postgres)
    holder = lambda: postgres.sql("SELECT holder,fence FROM lease WHERE name='rollouts'", database)[0]

    def finish(device, server):
        links = until(lambda: (found := at(device, server).links()) and "deploymentBase" in found and found)
        action = int(links["deploymentBase"].split("?")[0].rsplit("/", 1)[1])
        assert at(device, server).feedback(action, "closed", "success").status == 200

    # the first group, then every server but one ends or stands still: whoever decided, somebody else goes on
    finish(devices[0], first)
    before = holder()
    first.kill()
    finish(devices[1], second)
    second.process.send_signal(signal.SIGSTOP)
    finish(devices[2], third)
    until(lambda: see(third) == "finished")
    second.process.send_signal(signal.SIGCONT)
    until(lambda: see(second) == "finished")
    assert int(holder()[1]) >= int(before[1])  # the number only grows; as a rule the first server had been deciding
    assert third.api("GET", f"/api/v1/rollouts/{rollout}").json["devices"]["claimed"] == 3


def test_what_a_tenant_sets_at_one_server_holds_at_the_others(trio):
    first, second, third = trio
    device = first.add_device("d")
    until(lambda: at(device, third).call("GET").status == 200)
    assert first.api("PUT", "/rest/v1/system/configs/pollingTime", {"value": "00:07:00, name==d -> 00:09:00"}).status == 204
    until(lambda: at(device, third).call("GET").json["config"]["polling"]["sleep"] == "00:09:00")
    assert second.api("DELETE", "/rest/v1/system/configs/pollingTime").status == 204
    until(lambda: at(device, first).call("GET").json["config"]["polling"]["sleep"] == "00:05:00")
