"""A device made of aiocoap, unmodified, under OSCORE in both directions. Run by interop/test_lwm2m.py.

usage: aiocoap_oscore_device.py URI ENDPOINT FOLDER    FOLDER: aiocoap's security context
"""
import asyncio
import sys

import aiocoap
from aiocoap import oscore, resource
from aiocoap.oscore_sitewrapper import OscoreSiteWrapper

from aiocoap_device import Battery, Reboot, Text


async def main(uri, endpoint, folder):
    site = resource.Site()
    battery = Battery()
    site.add_resource(["3", "0", "0"], Text("aiocoap"))
    site.add_resource(["3", "0", "9"], battery)
    site.add_resource(["3", "0", "4"], Reboot())
    context = await aiocoap.Context.create_server_context(None, bind=("127.0.0.1", None))
    security = oscore.FilesystemSecurityContext(folder)
    context.client_credentials[f"{uri}/*"] = security
    context.server_credentials[":server"] = security
    context.serversite = OscoreSiteWrapper(site, context.server_credentials)
    register = aiocoap.Message(code=aiocoap.POST, uri=f"{uri}/rd?ep={endpoint}&lt=300&lwm2m=1.1&b=U", content_format=40,
                               payload=b"</>;rt=\"oma.lwm2m\",</3/0>")
    answer = await context.request(register).response
    print(f"registered {answer.code} {'/'.join(answer.opt.location_path)}", flush=True)
    await battery.drain()


asyncio.run(main(*sys.argv[1:]))
