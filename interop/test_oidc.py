"""Logging in by a real OpenID Connect provider, npm's oidc-provider, as a browser does it."""
import http.client
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from server_tool import BUILD, Server  # noqa: E402

PUBLIC = "http://127.0.0.1:1"  # what the provider knows; the test goes to the server's own port
CALLBACK = PUBLIC + "/api/v1/login/callback"


@pytest.fixture(scope="module")
def provider():
    """Its packages are fetched once into the build folder."""
    folder = BUILD.parent / "oidc"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "provider.mjs"):
        shutil.copy(ROOT / "interop" / "oidc" / name, folder)
    if not (folder / "node_modules" / "oidc-provider").exists():
        subprocess.run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder,
                       check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen(["node", "provider.mjs", CALLBACK], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True)
    issuer = process.stdout.readline().strip()
    while issuer and not issuer.startswith("http"):
        issuer = process.stdout.readline().strip()
    assert issuer, "the provider did not start"
    yield issuer
    process.terminate()
    process.wait()


@pytest.fixture
def server(provider, tmp_path):
    running = Server(tmp_path / "state", "--oidc-issuer", provider, "--oidc-client", "updraft", "--public-url", PUBLIC)
    running.environment = {**os.environ, "UPDRAFTD_OIDC_SECRET": "a-secret-for-tests-only"}
    running.start()
    running.api("POST", "/api/v1/users", {"name": "carol", "roles": ["operator"], "subject": "carol-at-work"})
    yield running
    running.stop()


class Browser:
    """Follows redirects, keeps cookies per origin, fills in the provider's two forms."""

    def __init__(self, server):
        self.people = server.listen["people"]["url"]
        self.cookies = {}

    def send(self, method, url, form=None):
        url = url.replace(PUBLIC, self.people, 1) if url.startswith(PUBLIC + "/") else url
        place = urlsplit(url)
        jar = self.cookies.setdefault(place.netloc, {})
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in jar.items())} if jar else {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, place.path + ("?" + place.query if place.query else ""),
                           urlencode(form) if form is not None else None, headers)
        reply = connection.getresponse()
        body = reply.read().decode()
        for name, value in reply.headers.items():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                jar[key] = rest.split(";")[0]
        connection.close()
        return reply.status, reply.headers.get("Location") and urljoin(url, reply.headers["Location"]), body

    def start(self):
        return self.send("GET", self.people + "/api/v1/login")

    def at_provider(self, url, login):
        """From the provider's first page to the way back."""
        for _ in range(12):
            status, location, body = self.send("GET", url)
            if status == 200:
                prompt = re.search(r'name="prompt" value="(\w+)"', body)[1]
                action = urljoin(url, re.search(r'action="([^"]+)"', body)[1])
                form = {"prompt": prompt, "login": login, "password": "x"} if prompt == "login" else {"prompt": prompt}
                status, location, body = self.send("POST", action, form)
            assert location, (status, body)
            if location.startswith(CALLBACK):
                return location
            url = location
        raise AssertionError("no way back")

    def whoami(self):
        status, _, body = self.send("GET", self.people + "/api/v1/whoami")
        return status, body


def test_somebody_logs_in_by_the_provider(server):
    browser = Browser(server)
    status, location, _ = browser.start()
    asked = parse_qs(urlsplit(location).query)
    assert status == 302 and asked["code_challenge_method"] == ["S256"] and asked["redirect_uri"] == [CALLBACK]
    back = browser.at_provider(location, "carol-at-work")
    status, _, body = browser.send("GET", back)
    assert status == 200 and "url=/" in body
    status, body = browser.whoami()
    assert status == 200 and '"carol"' in body and '"operator"' in body
    # the code is good once
    assert browser.send("GET", back)[0] == 403


def test_who_is_not_here_gets_no_account_by_logging_in(server):
    browser = Browser(server)
    back = browser.at_provider(browser.start()[1], "stranger")
    status, _, body = browser.send("GET", back)
    assert status == 403 and "UD_ERR_LOGIN" in body
    assert browser.whoami()[0] == 401
    server.api("PUT", "/api/v1/users/carol", {"disabled": True})
    browser = Browser(server)
    assert browser.send("GET", browser.at_provider(browser.start()[1], "carol-at-work"))[0] == 403


def test_f8_a_login_ends_in_the_browser_that_began_it_only(server):
    mine, victim = Browser(server), Browser(server)
    back = mine.at_provider(mine.start()[1], "carol-at-work")
    assert victim.send("GET", back)[0] == 403  # no login was begun there
    victim.start()
    assert victim.send("GET", back)[0] == 403  # another one was
    assert victim.whoami()[0] == 401
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert mine.send("GET", CALLBACK + "?code=wrong&state=" + state)[0] == 403
    assert mine.send("GET", CALLBACK + "?error=access_denied&state=" + state)[0] == 403
    assert mine.send("GET", CALLBACK)[0] == 403
    assert mine.send("GET", back)[0] == 200


def test_the_secret_is_not_taken_from_the_command_line():
    done = subprocess.run([str(BUILD / "updraftd"), "--oidc-secret", "x"], capture_output=True, text=True)
    assert done.returncode == 2 and "environment" in done.stderr
