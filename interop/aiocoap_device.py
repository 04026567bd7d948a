"""A device made of aiocoap, unmodified: registers, is read, observed and executed. Run by interop/test_lwm2m.py.

usage: aiocoap_device.py URI ENDPOINT FILE
"""
import asyncio
import sys

import aiocoap
from aiocoap import resource


class Text(resource.Resource):
    def __init__(self, text):
        super().__init__()
        self.text = text

    async def render_get(self, request):
        return aiocoap.Message(payload=self.text.encode(), content_format=0)

    async def render_put(self, request):
        self.text = request.payload.decode()
        return aiocoap.Message(code=aiocoap.CHANGED)


class Battery(resource.ObservableResource):
    def __init__(self):
        super().__init__()
        self.level = 90

    async def drain(self):
        while True:
            await asyncio.sleep(0.3)
            self.level = self.level - 1 if self.level > 1 else 90
            self.updated_state()

    async def render_get(self, request):
        return aiocoap.Message(payload=str(self.level).encode(), content_format=0)


class Reboot(resource.Resource):
    async def render_post(self, request):
        print("execute 4", flush=True)
        return aiocoap.Message(code=aiocoap.CHANGED)


class Download(resource.Resource):
    """Executed with a URI as argument: fetches it, by Block2, into the file."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    async def render_put(self, request):
        asyncio.get_event_loop().create_task(self.fetch(request.payload.decode()))
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def fetch(self, uri):
        answer = await site_context.request(aiocoap.Message(code=aiocoap.GET, uri=uri)).response
        with open(self.path, "wb") as file:
            file.write(answer.payload)
        print(f"fetched {answer.code} {len(answer.payload)}", flush=True)


async def main(uri, endpoint, path):
    global site_context
    site = resource.Site()
    battery = Battery()
    site.add_resource(["3", "0", "0"], Text("aiocoap"))
    site.add_resource(["3", "0", "14"], Text("+00"))
    site.add_resource(["3", "0", "9"], battery)
    site.add_resource(["3", "0", "4"], Reboot())
    site.add_resource(["33000", "0", "1"], Download(path))
    site_context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", None))
    register = aiocoap.Message(code=aiocoap.POST, uri=f"{uri}/rd?ep={endpoint}&lt=300&lwm2m=1.1&b=U", content_format=40,
                               payload=b"</>;rt=\"oma.lwm2m\",</3/0>,</33000/0>")
    answer = await site_context.request(register).response
    print(f"registered {answer.code} {'/'.join(answer.opt.location_path)}", flush=True)
    await battery.drain()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
