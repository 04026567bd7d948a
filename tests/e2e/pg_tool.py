"""A PostgreSQL of our own: started in a temporary folder on a Unix socket, ended with us."""
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

BIN = Path("/usr/lib/postgresql/15/bin")
START_S = 60
PR_SET_PDEATHSIG = 1


def become_postgres():
    """In the child: PostgreSQL refuses to run as root; and it ends when we end, whatever ends us."""
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


class Postgres:
    def __init__(self, durable=False):
        self.durable = durable  # for measuring; tests do not cut the power
        self.folder = Path(tempfile.mkdtemp(prefix="updraft-pg-"))
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.made = 0
        self.process = None

    def start(self):
        data = self.folder / "data"
        if not data.exists():
            subprocess.run([BIN / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "--locale", "C.UTF-8"],
                           check=True, stdout=subprocess.DEVNULL, preexec_fn=become_postgres, cwd="/")
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [BIN / "postgres", "-D", data, "-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=" + ("on" if self.durable else "off"),
             "-c", "max_connections=200"], stdout=self.log, stderr=self.log, preexec_fn=become_postgres, cwd="/")
        deadline = time.monotonic() + START_S
        while subprocess.run([BIN / "pg_isready", "-q", "-h", self.folder]).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start:\n" + (self.folder / "log").read_text(errors="replace"))
            time.sleep(0.02)
        return self

    def sql(self, text, database="postgres"):
        """Rows as lists of texts."""
        done = subprocess.run([BIN / "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U",
                               "postgres", "-d", database, "-c", text], check=True, capture_output=True, text=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def database(self):
        """A new, empty database; its URL."""
        self.made += 1
        name = f"updraft{self.made}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name):
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        self.log.close()

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)
