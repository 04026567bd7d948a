"""What the release build promises: hardened programs, constant memory, no secret where it does not belong."""
import hashlib
import os
import pty
import re
import select
import subprocess
import time

import pytest
from server_tool import BUILD, Server

PROGRAMS = ["updraft", "updraftd", "updraft-boot", "app-1"]


def elf(program, flag):
    return subprocess.run(["readelf", "-W", flag, BUILD / program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_hardened(program):
    if "__asan_init" in elf(program, "--dyn-syms"):
        pytest.skip("a sanitizer build")
    assert re.search(r"Type:\s+DYN", elf(program, "-h")), "position independent"
    assert re.search(r"BIND_NOW|NOW", elf(program, "-d")), "relocations are bound at start"
    segments = elf(program, "-l")
    assert "GNU_RELRO" in segments, "and read-only from then on"
    assert re.search(r"GNU_STACK\s.*\sRW\s", segments), "no executable stack"
    symbols = elf(program, "--dyn-syms")
    assert "__stack_chk_fail" in symbols, "stack protector"
    assert re.search(r"__\w+_chk", symbols.replace("__stack_chk_fail", "")), "checked calls of the C library"


def peak_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))


def zeros(size, piece=1 << 20):
    for _ in range(size // piece):
        yield bytes(piece)


def test_a_large_image_passes_through_in_constant_memory(tmp_path):
    """256 MiB in and out of a server whose peak memory must not grow with it."""
    size = 256 << 20
    digest = hashlib.sha256()
    for piece in zeros(size):
        digest.update(piece)
    name = f"/api/v1/artifacts/{digest.hexdigest()}"
    server = Server(tmp_path / "state").start()
    try:
        server.upload(b"warm")
        before = peak_kib(server.process.pid)
        reply = server.api("PUT", name, zeros(size), {"Content-Length": str(size)})
        assert reply.status == 201
        assert len(server.api("GET", name).body) == size
        assert peak_kib(server.process.pid) - before < 32 << 10
    finally:
        server.stop()


def output_on_a_terminal(command, until, seconds=20):
    """What a program prints where a person reads."""
    main, other = pty.openpty()
    process = subprocess.Popen(command, stdout=other, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    os.close(other)
    seen = b""
    end = time.monotonic() + seconds
    try:
        while until not in seen and time.monotonic() < end:
            if select.select([main], [], [], 0.2)[0]:
                seen += os.read(main, 4096)
    except OSError:
        pass  # the program has ended
    finally:
        process.terminate()
        process.wait(20)
        os.close(main)
    return seen


def command_for(state):
    return [BUILD / "updraftd", "--state", state, "--listen-devices", "127.0.0.1:0", "--listen-people", "127.0.0.1:0"]


def test_the_first_token_is_shown_on_a_terminal_and_nowhere_else(tmp_path):
    shown = output_on_a_terminal(command_for(tmp_path / "a"), b"\n")
    token = (tmp_path / "a" / "admin.token").read_text().strip()
    assert token.encode() in shown
    server = Server(tmp_path / "b").start()
    try:
        secret = (tmp_path / "b" / "admin.token").read_text().strip()
        assert oct((tmp_path / "b" / "admin.token").stat().st_mode & 0o777) == "0o600"
    finally:
        server.stop()
    for path in (tmp_path / "b").parent.rglob("*"):
        if path.is_file() and path.name != "admin.token" and "b" in path.parts:
            assert secret.encode() not in path.read_bytes(), path
