"""Bring a dead board back with smpclient, as its documentation says; prints one line of JSON for each step.

    bring_back.py PORT ENVELOPE IMAGE
"""
import asyncio
import json
import sys
from pathlib import Path

from smpclient import SMPClient
from smpclient.generics import success
from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite
from smpclient.requests.os_management import EchoWrite, ResetWrite
from smpclient.transport.serial import SMPSerialTransport


def say(**what) -> None:
    print(json.dumps(what), flush=True)


def images(answer) -> list[dict]:
    return [{"slot": i.slot, "version": i.version, "bootable": i.bootable, "pending": i.pending,
             "hash": i.hash.hex() if i.hash else None} for i in answer.images]


async def upload(client: SMPClient, number: int, data: bytes) -> None:
    last = 0
    async for last in client.upload(data, slot=number):
        pass
    say(step="upload", image=number, bytes=last)


async def main(port: str, envelope: bytes, image: bytes) -> None:
    async with SMPClient(SMPSerialTransport(), port, timeout_s=30) as client:
        echo = await client.request(EchoWrite(d="anybody there?"))
        say(step="echo", said=echo.r)
        say(step="before", images=images(await client.request(ImageStatesRead())))
        await upload(client, 0, envelope)
        await upload(client, 1, image)
        after = await client.request(ImageStatesRead())
        say(step="after", images=images(after))
        pending = next(i for i in after.images if i.pending)
        tested = await client.request(ImageStatesWrite(hash=pending.hash))
        say(step="test", ok=bool(success(tested)))
        wrong = await client.request(ImageStatesWrite(hash=b"\x00" * 32))
        say(step="wrong", ok=bool(success(wrong)))
        reset = await client.request(ResetWrite())
        say(step="reset", ok=bool(success(reset)))


asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes(), Path(sys.argv[3]).read_bytes()))
