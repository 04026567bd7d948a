"""A trust store as a release: made by `updraft trust`, published, deployed and reported like any other, by the real server."""
import json
import re
import ssl
import time
import urllib.request

import pytest

from test_device import BUILD, Device, World, wait_for

ROOTS = """
[roots]
threshold = 2
[key root-a]
[key root-b]
[key root-c]
"""
STORE = """
[store]
{more}
[key {key}]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("trust"))
    for name in ("root-a", "root-b", "root-c", "successor"):
        world.keygen(name)
        world.cli("anchor", "add", name, "--key", world.path(name + ".pub"))
    world.keygen("stranger")
    (world.folder / "roots.ini").write_text(ROOTS)
    world.cli("trust", "make", "roots.ini", "--output", "roots.cbor")
    yield world
    world.close()


def made(world, name, key, signers, after=None, more=""):
    (world.folder / f"{name}.ini").write_text(STORE.format(key=key, more=more))
    world.cli("trust", "make", f"{name}.ini", "--output", f"{name}.trust",
              *(("--after", f"{after}.trust") if after else ()))
    for signer in signers:
        world.cli("trust", "sign", f"{name}.trust", "--key", world.path(f"{signer}.key"))


def published(world, name, check=True):
    return world.cli("publish", f"{name}.trust", "--name", name, "--version", "1", "--json", check=check)


def release(world, name):
    return str(json.loads(published(world, name).stdout)["id"])


def test_a_trust_store_is_published_deployed_and_confirmed_like_a_release(world):
    device = Device(world, "rotates", init=("--roots", world.path("roots.cbor"))).power_on()
    device.runs(1)
    made(world, "both", "author", ("root-a", "root-b"), more="[key successor]")
    shown = json.loads(world.cli("inspect", "both.trust", "--json").stdout)
    assert (shown["kind"], shown["number"], len(shown["keys"]), len(shown["signatures"])) == ("trust store", 1, 2, 2), shown
    action = world.ends(world.deploy(release(world, "both"), device))
    assert (action["state"], action["proof"]) == ("confirmed", "signed"), action
    wait_for("the store in force", lambda: "boot event=trust number=1 epoch=0 outcome=UD_OK" in device.log_text())
    state = device.state()
    assert state["running"]["sequence"] == 1 and state["status"] in ("registered", "in_sync"), state

    app = world.release("by-successor", BUILD / "app-2", 2, key="successor")
    assert world.ends(world.deploy(app, device))["state"] == "confirmed"

    made(world, "next", "successor", ("root-b", "root-c"), after="both", more="epoch = 1")
    action = world.ends(world.deploy(release(world, "next"), device))
    assert action["state"] == "confirmed", action
    wait_for("the next store", lambda: "boot event=trust number=2 epoch=1 outcome=UD_OK" in device.log_text())
    state = device.state()
    assert state["running"]["sequence"] == 2 and state["status"] == "in_sync" and state["assigned"] == int(app), state


def test_too_few_roots_are_refused_by_the_device_and_none_by_the_server(world):
    device = Device(world, "refuses-store", init=("--roots", world.path("roots.cbor"))).power_on()
    device.runs(1)
    made(world, "few", "author", ("root-a",), more="sequence-min = 1")
    action = world.ends(world.deploy(release(world, "few"), device))
    assert (action["state"], action["error"], action["proof"]) == ("refused", "UD_ERR_THRESHOLD", "signed"), action
    made(world, "strange", "author", ("stranger",))
    answer = published(world, "strange", check=False)
    assert answer.returncode == 1 and "UD_ERR_UNTRUSTED" in answer.stderr


def metrics(world):
    context = ssl.create_default_context(cafile=world.ca)
    with urllib.request.urlopen(world.addresses["people"]["url"] + "/metrics", context=context) as answer:
        return answer.read().decode()


def test_a4_a_trust_store_that_ends_soon_or_ended_is_an_alarm_until_the_next_one(world):
    """Who withholds new metadata, or forgets to sign it: people hear of it a month before installs stop."""
    def alarm():
        return {item["kind"]: item for item in world.get("/api/v1/overview")["todo"]}.get("trust-ends")

    assert alarm() is None
    now, before = int(time.time()), None
    for name, more, words in (("far", now + 400 * 86400, None), ("soon", now + 10 * 86400 + 3600, "Trust store soon 1 ends in 10 days"),
                              ("over", now - 3 * 86400 - 3600, "Trust store over 1 ended 3 days ago"), ("timeless", None, None)):
        made(world, name, "author", ("root-a", "root-b"), after=before,
             more="vendor = example.com\nclass = alarm\n" + (f"expires = {more}" if more else ""))
        number, before = release(world, name), name
        said = re.findall(r"^updraft_trust_store_ends_timestamp_seconds (\d+)$", metrics(world), re.M)
        assert said == ([str(more)] if more else [])
        if words is None:
            assert alarm() is None
        else:
            item = alarm()
            assert (item["what"], item["page"], item["of"], item["may"]) == (words, "release", number, True)
            assert "what they run goes on" in item["why"]
