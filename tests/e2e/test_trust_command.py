"""`updraft trust`: roots, links and trust stores made by the command, taken and refused by the real bootloader and agent."""
import json

import pytest
from test_device import BUILD, Device, wait_for, world  # noqa: F401 (a fixture)
from test_device_plain_ddi import PlainServer
from test_device_trust import offered

ROOTS = "[roots]\nnumber = {number}\nthreshold = 2\n"


class Office:
    """Where trust stores are made: three holders of roots, one of each kind of key, and their descriptions."""

    def __init__(self, world, name):  # noqa: F811
        self.world = world
        self.folder = world.folder / f"{name}-office"
        self.folder.mkdir()
        for root, alg in (("a", "ES256"), ("b", "Ed25519"), ("c", "ES256"), ("d", "ES256")):
            self.run("keygen", "--alg", alg, "--output", self.path(root))
        self.make("roots.cbor", ROOTS.format(number=0), "abc")

    def path(self, name):
        return str(self.folder / name)

    def run(self, *words, check=True):
        return self.world.cli(*words, check=check)

    def make(self, name, head, keys, *options, check=True):
        description = self.folder / f"{name}.ini"
        description.write_text(head + "".join(f"[key {key}]\n" for key in keys))
        return self.run("trust", "make", str(description), "--output", self.path(name), *options, check=check)

    def author(self, name="author"):
        return f"{name}]\nfile = {self.world.path(name + '.pub')}\n;"

    def sign(self, name, roots, check=True):
        return self.run("trust", "sign", self.path(name), *(word for root in roots for word in ("--key", self.path(root + ".key"))),
                        check=check)

    def show(self, name, *options, check=True):
        return self.run("trust", "show", self.path(name), "--roots", self.path("roots.cbor"), *options, check=check)

    def bytes(self, name):
        return (self.folder / name).read_bytes()


@pytest.fixture
def office(world, request):  # noqa: F811
    return Office(world, request.node.name)


@pytest.fixture
def rooted(world, request, office):  # noqa: F811
    """A device that the command made with roots, before a plain server."""
    name = request.node.name.replace("_", "-")
    device = Device(world, name, enrol="key", init=("--roots", office.path("roots.cbor")))
    server = PlainServer(name)
    settings = device.folder / "agent.ini"
    settings.write_text(settings.read_text().replace(world.addresses["devices"]["url"], server.url))
    yield device, server
    device.power_off()
    server.shutdown()
    server.server_close()


def test_a_device_made_by_the_command_takes_stores_made_by_it(world, office, rooted):  # noqa: F811
    device, server = rooted
    world.keygen("heir")
    office.make("1.trust", "[store]\nvendor = example.com\nclass = door-lock\n", [office.author(), office.author("heir")])
    office.make("few.trust", "[store]\n", [office.author()])
    office.sign("few.trust", "a")
    office.make("skipped.trust", "[store]\nnumber = 2\n", [office.author()])
    office.sign("skipped.trust", "ab")
    office.sign("1.trust", "a")
    office.sign("1.trust", "b")  # another day, another holder
    device.power_on()
    wait_for("the first start", lambda: "boot event=trust number=0 epoch=0 outcome=UD_ABSENT" in device.log_text())
    assert offered(server, 1, office.bytes("few.trust")) == ("failure", ["UD_ERR_THRESHOLD"])
    assert offered(server, 2, office.bytes("skipped.trust")) == ("failure", ["UD_ERR_CHAIN"])
    assert offered(server, 3, office.bytes("1.trust"))[0] == "success"
    wait_for("the store in force", lambda: "boot event=trust number=1 epoch=0 outcome=UD_OK" in device.log_text())

    # roots change: c goes, d comes; the author's key is revoked, what runs is signed by it and kept
    kept = json.loads(world.cli("inspect", world.path(f"{device.name}-factory.suit"), "--json").stdout)["digest"]
    office.make("1.link", ROOTS.format(number=1), "abd")
    office.sign("1.link", "abd")
    office.make("2.trust", f"[store]\nepoch = 1\nkept = {kept}\nrevoked = {world.path('author.pub')}\n", [office.author("heir")],
                "--after", office.path("1.trust"), "--link", office.path("1.link"))
    office.sign("2.trust", "ac")  # c is none of the roots any more
    assert offered(server, 4, office.bytes("2.trust")) == ("failure", ["UD_ERR_THRESHOLD"])
    office.sign("2.trust", "d")
    assert offered(server, 5, office.bytes("2.trust"))[0] == "success"
    wait_for("the next store", lambda: "boot event=trust number=2 epoch=1 outcome=UD_OK" in device.log_text())
    image = BUILD / "app-2"
    with open(world.envelope(f"{device.name}-old.suit", image, 2), "rb") as file:
        assert offered(server, 6, file.read(), image.read_bytes()) == ("failure", ["UD_ERR_REVOKED"])
    with open(world.envelope(f"{device.name}-new.suit", image, 2, key="heir"), "rb") as file:
        assert offered(server, 7, file.read(), image.read_bytes())[0] == "success"


def test_show_decides_as_a_device_would(office):
    office.make("1.trust", "[store]\n", [office.author()])
    assert "UD_ERR_MISSING" in office.show("1.trust", check=False).stderr
    office.sign("1.trust", "a")
    few = office.show("1.trust", check=False)
    assert few.returncode == 1 and "UD_ERR_THRESHOLD" in few.stderr
    office.sign("1.trust", "c")
    shown = json.loads(office.show("1.trust", "--json").stdout)
    assert (shown["number"], shown["epoch"], shown["roots"], shown["verdict"]) == (1, 0, 0, "a device takes it")
    assert [one["algorithm"] for one in shown["signatures"]] == ["ES256", "ES256"]
    office.make("3.trust", "[store]\nnumber = 3\n", [office.author()])
    office.sign("3.trust", "ab")
    skipped = office.show("3.trust", "--after", office.path("1.trust"), check=False)
    assert skipped.returncode == 1 and "UD_ERR_CHAIN" in skipped.stderr
    stale = office.show("1.trust", "--after", office.path("1.trust"), check=False)
    assert stale.returncode == 1 and "UD_ERR_STALE" in stale.stderr


def test_a_key_signs_once_and_roots_are_signed_by_nobody(office):
    office.make("1.trust", "[store]\n", [office.author()])
    office.sign("1.trust", "a")
    before = office.bytes("1.trust")
    again = office.sign("1.trust", "ba", check=False)
    assert again.returncode == 1 and "UD_ERR_CONFLICT" in again.stderr
    assert office.bytes("1.trust") == before
    roots = office.sign("roots.cbor", "a", check=False)
    assert roots.returncode == 1 and "UD_ERR_UNSIGNED" in roots.stderr


@pytest.mark.parametrize("head, keys, options, said", [
    ("[store]\nnumber = 3\n", ["AUTHOR"], ["--after"], "UD_ERR_CHAIN"),
    ("[store]\nepoch = 2\n", ["AUTHOR"], ["--after"], "UD_ERR_CHAIN"),
    ("[store]\nnumber = 1\n", ["AUTHOR"], ["--after"], "UD_ERR_STALE"),
    ("[store]\nthreshold = 2\n", ["AUTHOR"], [], "UD_ERR_THRESHOLD"),
    ("[store]\nneed-1 = 1\n", ["AUTHOR"], [], "UD_ERR_THRESHOLD"),
    ("[store]\nrevoked = a.pub\n", ["a"], [], ":3:1: a.pub: "),
    ("[store]\n", ["a", "b]\nfile = a.pub\n;"], [], ":4:8: a.pub: "),
    ("[store]\n", ["nobody"], [], "UD_ERR_NOT_FOUND"),
    ("[store]\n", [], [], ":1:1: there is no [key NAME]"),
    ("[store]\nkept = 12\n", ["a"], [], ":2:8: a kept manifest"),
    ("[store]\nclass = door-lock\n", ["a"], [], ":2:9: a class"),
    ("[store]\nthreshold = 0\n", ["a"], [], ":2:13: here stands a number from 1 on"),
    ("[store]\nepoch = 1\nepoch = 2\n", ["a"], [], ":3:9: epoch stands here twice"),
    ("[roots]\nexpires = 1\n", ["a"], [], ':2:11: [roots] knows no "expires"'),
    ("[roots]\n[store]\n", ["a"], [], "one of [roots] and [store]"),
    ("[store]\n[manifest]\n", ["a"], [], ":2:1: here stand"),
    ("[roots]\nthreshold = 2\n", ["a"], [], "UD_ERR_THRESHOLD"),
])
def test_what_no_device_would_take_is_not_made(office, head, keys, options, said):
    office.make("1.trust", "[store]\n", [office.author()])
    keys = [office.author() if key == "AUTHOR" else key for key in keys]
    options = [word for option in options for word in (option, office.path("1.trust"))]
    refused = office.make("x.trust", head, keys, *options, check=False)
    assert refused.returncode == 1 and said in refused.stderr, refused.stderr
    assert not (office.folder / "x.trust").exists()


def test_a_secret_is_not_made_public(office):
    office.run("keygen", "--alg", "HMAC256", "--output", office.path("mac"))
    refused = office.make("x.trust", "[store]\n", ["mac]\nfile = mac.key\n;"], check=False)
    assert refused.returncode == 1 and ":2:1: mac.key holds a secret" in refused.stderr
    assert not (office.folder / "x.trust").exists()


def test_a_link_leads_to_the_roots_that_come_next(office):
    office.make("1.trust", "[store]\n", [office.author()])
    office.make("2.link", ROOTS.format(number=2), "abd")
    far = office.make("2.trust", "[store]\n", [office.author()], "--after", office.path("1.trust"), "--link", office.path("2.link"),
                      check=False)
    assert far.returncode == 1 and "UD_ERR_CHAIN" in far.stderr


def test_a_device_begins_with_roots_of_number_0(world, office):  # noqa: F811
    office.make("1.link", ROOTS.format(number=1), "abd")
    words = ("device", "init", office.path("device"), "--vendor", "example.com", "--class", "door-lock", "--anchor",
             world.path("author.pub"), "--roots")
    refused = office.run(*words, office.path("1.link"), check=False)
    assert refused.returncode == 1 and "UD_ERR_CHAIN" in refused.stderr
    assert not (office.folder / "device").exists()
    office.run(*words, office.path("roots.cbor"), "--layout", "swap")
    shown = json.loads(office.run("device", "show", office.path("device"), "--json").stdout)["trustStore"]
    assert (len(shown["roots"]), shown["threshold"], len(shown["copies"])) == (3, 2, 2)
