"""A microcontroller in QEMU: its flash is a file, its serial line is a pipe, its end is an exit status."""
import base64
import os
import re
import selectors
import subprocess
import time
from pathlib import Path

FLASH_BYTES = 16 << 20
PROVISION_AT = {"mps2-an385": 0x01000000, "mps2-an386": 0x01000000, "mps2-an505": 0x10200000}
IDENTITY_OFFSET = 0x3000
AT_REST_OFFSET = 0x3800
NETWORK = "user,model=lan9118"  # 10.0.2.2 is this machine's loopback
STATUS_CUT = 75
STATUS_NO_IMAGE = 69
STATUS_DEVICE = 66
NS_LOG2 = 5  # nanoseconds of an instruction: 32, about the board's
WAIT_S = 60  # for a line; only a hang takes that long


def write_identity(device: Path, name: str, uri: str, psk_identity: str, psk: bytes) -> None:
    """What manufacture writes beside the provisioning file: the key pair of device.key, and the account with the server."""
    der = base64.b64decode("".join(line for line in (device / "device.key").read_text().splitlines() if "-----" not in line))
    at = der.index(b"\x04\x20") + 2  # PKCS#8 of a P-256 key: the number, and at the end the uncompressed point
    secret, public = der[at:at + 32], der[-64:]
    assert der[-65] == 4 and len(secret) == 32

    def item(kind: int, data: bytes) -> bytes:
        return (bytes([kind << 5 | len(data)]) if len(data) < 24 else bytes([kind << 5 | 24, len(data)])) + data
    (device / "identity.cbor").write_bytes(
        b"\x87\x01" + item(2, secret) + item(2, public) + item(3, name.encode()) + item(3, uri.encode()) +
        item(2, psk_identity.encode()) + item(2, psk))


class Chip:
    """One run of the emulator, from power on to power off."""

    def __init__(self, boot: Path, device: Path, cut: int = 0, serial: str = "stdio", counted: bool = False,
                 board: str = "mps2-an385", nic: str = "none"):
        words = ["qemu-system-arm", "-M", f"{board},memory-backend=flash0",
                 "-object", f"memory-backend-file,id=flash0,size=16M,mem-path={device}/flash.bin,share=on",
                 "-display", "none", "-monitor", "none", "-serial", serial, "-nic", nic,
                 "-semihosting-config", f"enable=on,target=native,arg=boot,arg=cut={cut}",
                 "-kernel", boot,
                 "-device", f"loader,file={device}/provisioning.cbor,addr={PROVISION_AT[board]:#x},force-raw=on"]
        if (identity := device / "identity.cbor").exists():
            words += ["-device", f"loader,file={identity},addr={PROVISION_AT[board] + IDENTITY_OFFSET:#x},force-raw=on"]
        if (secret := device / "at-rest.key").exists():
            words += ["-device", f"loader,file={secret},addr={PROVISION_AT[board] + AT_REST_OFFSET:#x},force-raw=on"]
        if nic == "none":  # time is instructions, so a watchdog bites by what the chip did and not by what the host had to do
            words += ["-icount", f"shift={0 if counted else NS_LOG2},align=off,sleep=off"]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.waiter = selectors.DefaultSelector()
        self.waiter.register(self.process.stdout, selectors.EVENT_READ)
        self.pending = b""
        self.lines: list[str] = []
        self.resumed = 0  # byte that the last update went on from

    def __enter__(self) -> "Chip":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.waiter.close()

    def raw_line(self) -> bytes | None:
        """The next line; None when the emulator has ended."""
        end = time.monotonic() + WAIT_S
        while b"\n" not in self.pending:
            assert self.waiter.select(end - time.monotonic()), f"nothing more was said after {self.lines}"
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                return None
            self.pending += got
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def line(self) -> str | None:
        if (line := self.raw_line()) is None:
            return None
        self.lines.append(line.decode(errors="replace"))
        return self.lines[-1]

    def wait_for(self, start: str) -> dict[str, str]:
        """The fields of the next line that starts so; {} when the emulator ends first."""
        while (line := self.line()) is not None:
            if line.startswith(start):
                return dict(re.findall(r"(\w+)=(\S+)", line))
        return {}

    def start(self) -> dict[str, str]:
        """What the next image that starts says of itself, and of what the bootloader handed to it."""
        return self.wait_for("app version=")

    def send(self, data: bytes) -> None:
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:  # power failed meanwhile: the exit status says so
            pass

    def stage(self, envelope: Path, image: Path | tuple[Path, ...], command: str = "stage") -> dict[str, str]:
        """An update over the serial line, of one image or of one for each component; {} when power failed."""
        signed, images = envelope.read_bytes(), [path.read_bytes() for path in (image if isinstance(image, tuple) else (image,))]
        sizes, payload = " ".join(str(len(data)) for data in images), b"".join(images)
        self.send(f"{command} {len(signed)} {sizes}\n".encode() + signed)
        offer = self.wait_for("app event=send")
        self.resumed = int(offer.get("from", "0"))
        if offer.get("err") == "UD_OK":
            self.send(payload[self.resumed:])
        return self.wait_for("app event=staged")

    def patch(self, envelope: Path, image_bytes: int, patch: Path) -> dict[str, str]:
        """The same by a patch of the image that runs; {} when power failed."""
        signed, payload = envelope.read_bytes(), patch.read_bytes()
        self.send(f"patch {len(signed)} {image_bytes} {len(payload)}\n".encode() + signed)
        offer = self.wait_for("app event=send")
        self.resumed = int(offer.get("from", "0"))
        if offer.get("err") == "UD_OK":
            self.send(payload)
        return self.wait_for("app event=patched")

    def reset(self) -> None:
        self.send(b"reset\n")

    def end(self) -> int:
        """Drain the line until the emulator has ended; its status."""
        while self.line() is not None:
            pass
        return self.process.wait(WAIT_S)

    def off(self) -> int:
        self.send(b"off\n")
        return self.end()
