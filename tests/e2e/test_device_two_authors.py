"""Trust domains end to end: an operator's release that depends on the author's manifest, through the real server."""
import json
import shutil

import pytest

from test_device import BUILD, Device, World, wait_for
from test_device_encrypted import secret_file

AUTHORS = """
[manifest]
sequence = {sequence}
vendor = example.com
class = door-lock
component = app.suit
[component app]
image = {image}
start = no
"""

PROPOSING = """
[manifest]
sequence = {sequence}
component = app.suit
[component app]
[shared]
vendor-id = example.com
class-id = door-lock
image = {image}
check = vendor
check = class
[install]
uri ?= elsewhere
do = fetch
check = image
[validate]
check = image
"""

OPERATORS = """
[manifest]
sequence = {sequence}
[component app]
[dependency author]
prefix = app.suit
{integrated}
[shared]
select = app
vendor-id = example.com
class-id = door-lock
check = vendor
check = class
[dependency-resolution]
select = author
image-digest = envelope:{name}.author.suit
uri = {uri}
do = fetch
check = dependency
[install]
select = app
{more}
select = author
image-digest = envelope:{name}.author.suit
check = dependency
do = process-dependency
[validate]
select = author
image-digest = envelope:{name}.author.suit
check = dependency
do = process-dependency
[invoke]
select = app
do = invoke
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("authors"))
    world.keygen("operator")
    world.keygen("stranger")
    for name in ("operator", "stranger"):
        world.cli("anchor", "add", name, "--key", world.path(name + ".pub"))
    secret_file(world.folder / "fleet.cose")
    yield world
    world.close()


def described(world, name, text, key):
    (world.folder / f"{name}.ini").write_text(text)
    world.cli("create", f"{name}.ini", "--output", f"{name}.suit")
    world.cli("sign", f"{name}.suit", "--key", world.path(key + ".key"))


def release(world, name, sequence, inside=False, author="author", operator="operator"):
    described(world, f"{name}.author", AUTHORS.format(sequence=sequence, image=BUILD / "app-2"), author)
    integrated = f"[integrated author]\ncontent = file:{name}.author.suit\n" if inside else ""
    uri = "#author" if inside else f"beside:{name}.author.suit"
    described(world, name, OPERATORS.format(name=name, sequence=sequence, integrated=integrated, uri=uri, more=""), operator)
    payloads = ["--payload", str(BUILD / "app-2")]
    if not inside:
        payloads += ["--payload", f"{name}.author.suit"]
    answer = world.cli("publish", f"{name}.suit", *payloads, "--name", name, "--version", str(sequence), "--json")
    return str(json.loads(answer.stdout)["id"])


def device(world, name, **how):
    return Device(world, name, init=("--anchor", world.path("operator.pub")), **how)


@pytest.mark.parametrize("inside", [True, False])
def test_an_operators_release_of_the_authors_image_is_confirmed(world, inside):
    name = "inside" if inside else "beside"
    one = device(world, f"takes-{name}").power_on()
    one.runs(1)
    action = world.ends(world.deploy(release(world, name, 2 + inside, inside=inside), one))
    assert action["state"] == "confirmed", action
    assert one.runs(2 + inside)["running"]["proof"] == "signed"
    one.power_off()
    one.power_on()  # the bootloader verifies both again
    wait_for("a start by both manifests", lambda: "app version=2 slot=1 trial=no" in one.log_text())


def test_the_operator_encrypts_for_its_fleet_what_the_author_has_signed(world):
    """The author's manifest proposes an address; the operator's says where the ciphertext is, and how to read it."""
    world.cli("encrypt", str(BUILD / "app-2"), "--alg", "A128GCM", "--recipient", "fleet.cose", "--output", "fleet.enc",
              "--info", "fleet.info")
    name, sequence = "fleet", 5
    described(world, f"{name}.author", PROPOSING.format(sequence=sequence, image=BUILD / "app-2"), "author")
    more = "encryption-info = file:fleet.info\nuri = beside:fleet.enc"
    described(world, name, OPERATORS.format(name=name, sequence=sequence, integrated="", uri=f"beside:{name}.author.suit",
                                            more=more), "operator")
    answer = world.cli("publish", f"{name}.suit", "--payload", "fleet.enc", "--payload", f"{name}.author.suit", "--name",
                       name, "--version", str(sequence), "--json")
    one = device(world, "reads-fleet")
    shutil.copy(world.path("fleet.cose"), one.folder / "fleet.cose")
    settings = one.folder / "agent.ini"
    settings.write_text(settings.read_text() + "decryption_keys = fleet.cose\n")
    one.power_on()
    one.runs(1)
    action = world.ends(world.deploy(str(json.loads(answer.stdout)["id"]), one))
    assert action["state"] == "confirmed", action


def test_a_dependency_of_an_author_whom_the_device_does_not_know_is_refused(world):
    one = device(world, "knows-two").power_on()
    one.runs(1)
    action = world.ends(world.deploy(release(world, "strange", 6, author="stranger"), one))
    assert (action["state"], action["error"], action["proof"]) == ("refused", "UD_ERR_UNTRUSTED", "signed"), action
    assert one.state()["running"]["sequence"] == 1


def test_the_server_wants_the_dependency_before_the_envelope_that_names_it(world):
    described(world, "late.author", AUTHORS.format(sequence=7, image=BUILD / "app-2"), "author")
    described(world, "late", OPERATORS.format(name="late", sequence=7, integrated="", uri="beside:late.author.suit", more=""),
              "operator")
    answer = world.cli("publish", "late.suit", "--payload", str(BUILD / "app-2"), "--name", "late", "--version", "7",
                       check=False)
    assert answer.returncode == 1 and "UD_ERR_ARTIFACT_MISSING" in answer.stderr
