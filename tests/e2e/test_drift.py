"""Success is proof, and proof can be taken back: devices that report another image after they confirmed (I1, I2)."""
import hashlib
import time

import pytest
from test_server_reports import Field, publish


def until(ask, wanted, wait_s=30):
    deadline = time.monotonic() + wait_s
    while not wanted(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


@pytest.fixture
def field(server, tmp_path):
    return Field(server, tmp_path)


def rollout(field, **more):
    reply = field.server.api("POST", "/api/v1/rollouts", {"name": "r", "release": field.release["id"], "devices": ["lock-1"],
                                                          "start": "auto", "error": 100, **more})
    assert reply.status == 201, reply
    return reply.json["id"]


def see(field, number):
    return field.server.api("GET", f"/api/v1/rollouts/{number}").json


def offered(field):
    href = until(field.device.links, lambda links: "deploymentBase" in links)["deploymentBase"]
    return int(href.split("?")[0].rsplit("/", 1)[1])


def why(field):
    return field.server.api("GET", "/api/v1/devices/lock-1/why").json


def status(field):
    return field.server.api("GET", "/api/v1/devices/lock-1").json["status"]


def test_i1_a_claim_moves_nothing_and_the_wrong_image_counts_as_failed(field):
    number = rollout(field, groups=1)
    action = offered(field)
    nonce = field.nonce(action)
    assert field.device.feedback(action, "closed", "success").status == 200
    assert see(field, number)["devices"]["active"] == 1, "what it claims does not count"
    assert field.send(field.make(nonce=nonce, image=b"the old one")).status == 200
    end = until(lambda: see(field, number), lambda seen: seen["devices"]["failed"] == 1)
    assert end["devices"]["confirmed"] == 0
    assert why(field)["error"] == "UD_ERR_IMAGE_MISMATCH"


@pytest.mark.parametrize("sequence, word", [(1, "reverted"), (9, "drifted")])
def test_i2_another_image_after_success_is_seen_and_said(field, sequence, word):
    number = rollout(field)
    action = offered(field)
    assert field.send(field.make(nonce=field.nonce(action))).status == 200
    until(lambda: see(field, number), lambda seen: seen["devices"]["confirmed"] == 1)
    assert status(field) == "in_sync" and why(field)["answer"] == "up_to_date"
    assert field.send(field.make(image=b"another", sequence=sequence)).status == 200
    assert status(field) == word
    moved = until(lambda: see(field, number), lambda seen: seen["devices"]["confirmed"] == 0)
    assert moved["devices"][word] == 1
    assert why(field)["answer"] == word and "another image" in why(field)["sentence"]
    assert field.server.api("GET", f"/api/v1/devices?q=status%3D%3D{word}").json["total"] == 1
    assert field.send(field.make()).status == 200
    assert status(field) == "in_sync", "it came back by itself, and says so"


def test_i2_policy_gives_it_once_more(field):
    number = rollout(field, drift="again", again=1, dynamic=False)
    action = offered(field)
    assert field.send(field.make(nonce=field.nonce(action), result=70, boot_reason=3, image=b"the old one", sequence=1)).status == 200
    again = until(lambda: offered(field), lambda found: found != action)
    assert see(field, number)["devices"]["active"] == 1
    assert field.send(field.make(nonce=field.nonce(again))).status == 200
    assert until(lambda: see(field, number), lambda seen: seen["state"] == "finished")["devices"]["confirmed"] == 1


def test_proof_that_the_one_release_runs_ends_the_quarantine(field):
    quarantine = {"reason": "talks to strangers", "release": field.release["id"]}
    assert field.server.api("POST", "/api/v1/devices/lock-1/quarantine", quarantine).status == 204
    number = rollout(field)
    action = offered(field)
    assert field.send(field.make(nonce=field.nonce(action), result=70, image=b"the old one", sequence=1)).status == 200
    until(lambda: see(field, number), lambda seen: seen["devices"]["failed"] + seen["devices"]["reverted"] == 1)
    assert field.server.api("GET", "/api/v1/devices/lock-1").json["quarantine"]["reason"] == "talks to strangers"
    action = field.deploy()
    assert field.send(field.make(nonce=field.nonce(action))).status == 200
    assert field.server.api("GET", "/api/v1/devices/lock-1").json["quarantine"] is None
    assert field.server.api("GET", "/api/v1/devices?q=quarantined%3D%3Dtrue").json["total"] == 0
    image = b"image 3"
    field.server.upload(image)
    assert field.deploy(publish(field.server, field.author.release(image, 3)).json)


def test_the_way_back_is_the_old_image_reissued_or_who_must_sign_it(field):
    image = b"image 3"
    field.server.upload(image)
    newer = publish(field.server, field.author.release(image, 3)).json
    path = f"/api/v1/releases/{field.release['id']}/way-back?from={newer['id']}"
    none = field.server.api("GET", path)
    assert (none.status, none.json["errorCode"]) == (409, "UD_ERR_NO_WAY_BACK")
    assert none.json["signers"] == field.release["signers"] and none.json["sequenceAbove"] == 3
    again = publish(field.server, field.author.release(field.image, 4), "back").json
    assert field.server.api("GET", path).json == {"release": again["id"], "sequence": 4}
    assert hashlib.sha256(field.image).hexdigest() in [artifact["sha256"] for artifact in again["artifacts"]]
