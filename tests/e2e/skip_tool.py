"""Skips single instructions of a bootloader in QEMU: a no-op over one of them, a start, and what came of it; thousands
of times in one run of the emulator, through its debugger's door."""
import mmap
import re
import socket
import struct
import subprocess
import time
from pathlib import Path

from mcu_tool import FLASH_BYTES

APP = range(0x20100000, 0x20400000)
SYS_EXIT_EXTENDED = 0x20
NOP = b"\x00\xbf"
BKPT_SEMIHOST = b"\xab\xbe"
REG_PC, REG_SP, REG_XPSR = 15, 13, 25  # numbers of the target's register file
HALTED, BOOTED, HUNG, LOCKED = "halted", "booted", "hung", "locked up"


class Ended(Exception):
    """The emulator gave up: the processor met a fault inside a fault."""


class Firmware:
    """What is needed of an ELF file: its code, its instructions, where semihosting is called."""

    def __init__(self, elf: Path):
        self.elf = elf
        raw = elf.with_suffix(".bin").read_bytes()
        self.code = raw
        self.stack, self.entry = struct.unpack("<II", raw[:8])
        text = subprocess.run(["arm-none-eabi-objdump", "-d", "-j", ".text", str(elf)], check=True, capture_output=True,
                              text=True).stdout
        self.function_of, self.instructions, name = {}, {}, ""
        for line in text.splitlines():
            if match := re.match(r"^[0-9a-f]+ <(.+)>:$", line):
                name = match[1]
            elif match := re.match(r"^\s+([0-9a-f]+):\t((?:[0-9a-f]{4} ?)+)\s*\t(.*)$", line):
                if not match[3].startswith(".word"):
                    at = int(match[1], 16)
                    self.instructions[at] = 2 * len(match[2].split())
                    self.function_of[at] = f"{name}: {match[3].strip()}"
        self.semihost_calls = [at for at in self.instructions if raw[at:at + 2] == BKPT_SEMIHOST]


class Bench:
    """One emulator, stopped between starts. `folder` has flash.bin and provisioning.cbor of the device under attack."""

    def __init__(self, firmware: Firmware, folder: Path, limit_s: float = 60):
        self.firmware, self.folder, self.limit_s = firmware, folder, limit_s
        self.path, self.trace = folder / "gdb", folder / "trace"
        self.breakpoints = list(firmware.semihost_calls)
        with (folder / "flash.bin").open("r+b") as file:
            self.flash = mmap.mmap(file.fileno(), FLASH_BYTES)
        self.before = bytes(self.flash)
        self.launch()

    def launch(self) -> None:
        firmware, folder = self.firmware, self.folder
        self.path.unlink(missing_ok=True)
        words = ["qemu-system-arm", "-M", "mps2-an385,memory-backend=flash0",
                 "-object", f"memory-backend-file,id=flash0,size=16M,mem-path={folder}/flash.bin,share=on",
                 "-display", "none", "-monitor", "none", "-serial", "none", "-nic", "none",
                 "-semihosting-config", "enable=on,target=native", "-kernel", firmware.elf,
                 "-device", f"loader,file={folder}/provisioning.cbor,addr=0x01000000,force-raw=on",
                 "-S", "-gdb", f"unix:{self.path},server=on,wait=on", "-d", "in_asm", "-D", self.trace]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        while True:
            assert self.process.poll() is None, "the emulator did not start"
            try:
                self.line.connect(str(self.path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)  # until it listens
        self.buffer = b""
        assert self.ask("qXfer:features:read:target.xml:0,ffb")  # single registers are to be had only after this
        for at in self.breakpoints:
            assert self.ask(f"Z1,{at:x},2") == "OK"

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_) -> None:
        self.end()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.line.close()

    # ---- the debugger's protocol ----

    def send(self, text: str) -> None:
        try:
            self.line.sendall(b"$" + text.encode() + b"#%02x" % (sum(text.encode()) % 256))
        except ConnectionError as gone:
            raise Ended from gone

    def receive(self, limit_s: float) -> str | None:
        """The next packet; None when nothing came in time."""
        self.line.settimeout(limit_s)
        while not (match := re.search(rb"\$([^#]*)#..", self.buffer, re.S)):
            try:
                got = self.line.recv(65536)
            except TimeoutError:
                return None
            except ConnectionError:
                got = b""
            if not got:
                raise Ended
            self.buffer += got
        self.buffer = self.buffer[match.end():]
        self.line.sendall(b"+")
        return match[1].decode()

    def ask(self, text: str) -> str:
        self.send(text)
        answer = self.receive(60)
        assert answer is not None, f"no answer to {text}"
        return answer

    def read_reg(self, number: int) -> int:
        return struct.unpack("<I", bytes.fromhex(self.ask(f"p{number:x}"))[:4])[0]

    def write_reg(self, number: int, value: int) -> None:
        assert self.ask(f"P{number:x}={struct.pack('<I', value).hex()}") == "OK"

    def write(self, at: int, data: bytes) -> None:
        assert self.ask(f"M{at:x},{len(data):x}:{data.hex()}") == "OK"

    # ---- starts ----

    def reset(self) -> None:
        """As by the reset button; the loader also puts the code back."""
        assert self.ask("qRcmd," + b"system_reset".hex()) is not None
        while self.receive(0.05) is not None:
            pass

    def restore_flash(self) -> None:
        if self.flash[:] != self.before:
            self.flash[:] = self.before

    def prepare(self) -> None:
        self.restore_flash()
        self.write_reg(REG_SP, self.firmware.stack)
        self.write_reg(REG_XPSR, 0x01000000)
        self.write_reg(REG_PC, self.firmware.entry & ~1)

    def run(self) -> str:
        while True:
            self.send("c")
            if self.receive(self.limit_s) is None:
                self.line.sendall(b"\x03")
                assert self.receive(60) is not None, "the emulator does not stop"
                return BOOTED if self.read_reg(REG_PC) in APP else HUNG
            pc = self.read_reg(REG_PC)
            if pc in APP:
                return BOOTED
            if pc not in self.firmware.semihost_calls:
                return HALTED  # a fault that nobody handles
            if self.read_reg(0) == SYS_EXIT_EXTENDED:
                return HALTED
            self.write_reg(0, 0xffffffff)  # a question to the host: no answer
            self.write_reg(REG_PC, pc + 2)

    def start(self) -> str:
        """A start of the code as it is. The image that would run has a breakpoint at its first instruction."""
        self.prepare()
        return self.run()

    def break_at_image(self, entry: int) -> None:
        self.breakpoints.append(entry & ~1)
        assert self.ask(f"Z1,{entry & ~1:x},2") == "OK"

    def executed(self) -> list[int]:
        """Instructions translated so far, by address: those that a start comes by."""
        text = self.trace.read_text()
        return sorted({int(at, 16) for at in re.findall(r"^0x([0-9a-f]+):", text, re.M)} & self.firmware.instructions.keys())

    def skip(self, at: int) -> str:
        """A start with this instruction left out."""
        size = self.firmware.instructions[at]
        original = self.firmware.code[at:at + size]
        self.write(at, NOP * (size // 2))
        try:
            said = self.start()
        except Ended:
            self.end()
            self.launch()
            return LOCKED
        self.write(at, original)
        if said != HALTED or self.read_reg(REG_XPSR) & 0x1ff:
            self.reset()
        return said
