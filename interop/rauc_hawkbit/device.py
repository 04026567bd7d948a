"""rauc-hawkbit's client, unmodified, as its own program starts it; RAUC's installer on D-Bus is stood in for.

    device.py URL CA NAME TOKEN BUNDLE

The installer takes a bundle that begins with "good", and refuses others; it says progress as RAUC does. Ends after an install.
"""
import asyncio
import logging
import ssl
import sys
import types
from urllib.parse import urlsplit


class Bus:
    def __init__(self):
        self.handlers = []

    def signal_subscribe(self, _sender, interface, signal, _path, _arg, _flags, handler):
        self.handlers.append((interface, signal, handler))
        return len(self.handlers)

    def signal_unsubscribe(self, _subscription):
        pass

    def emit(self, interface, signal, parameters):
        for wanted, name, handler in self.handlers:
            if (wanted, name) == (interface, signal):
                handler(self, "rauc", "/", interface, signal, parameters)


BUS = Bus()
RAUC = "de.pengutronix.rauc.Installer"


class Installer:
    def get_cached_property_names(self):
        return ["Progress", "LastError"]

    def Install(self, _types, bundle):  # noqa: N802 (D-Bus calls it so)
        with open(bundle, "rb") as file:
            good = file.read(4) == b"good"
        BUS.emit("org.freedesktop.DBus.Properties", "PropertiesChanged", (RAUC, {"Progress": (50, "Verifying signature", 1)}))
        if not good:
            BUS.emit("org.freedesktop.DBus.Properties", "PropertiesChanged", (RAUC, {"LastError": "signature verification failed"}))
        BUS.emit(RAUC, "Completed", (0 if good else 1,))


def stand_in_for_dbus():
    gio = types.SimpleNamespace(
        BusType=types.SimpleNamespace(SYSTEM=1), bus_get_sync=lambda _type, _cancel: BUS,
        DBusProxy=types.SimpleNamespace(new_sync=lambda *_words: Installer()))
    repository = types.ModuleType("gi.repository")
    repository.Gio, repository.GLib = gio, types.SimpleNamespace(Error=type("Error", (Exception,), {}))
    sys.modules["gi"], sys.modules["gi.repository"] = types.ModuleType("gi"), repository


async def main():
    url, ca, name, token, bundle = sys.argv[1:]
    import aiohttp
    from rauc_hawkbit.rauc_dbus_ddi_client import RaucDBUSDDIClient
    ended = asyncio.Event()
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ca))
    async with aiohttp.ClientSession(connector=connector) as session:
        client = RaucDBUSDDIClient(session, urlsplit(url).netloc, True, "default", name, token, {"MAC": "02:00:00:00:00:01"}, bundle,
                                   lambda _result: ended.set())
        polling = asyncio.ensure_future(client.start_polling(wait_on_error=1))
        await ended.wait()
        polling.cancel()


logging.basicConfig(level=logging.INFO)
stand_in_for_dbus()
asyncio.run(main())
