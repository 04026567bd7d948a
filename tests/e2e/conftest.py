import json
import os

import pytest
import turns
from api_document import Document
from pg_tool import Postgres
from server_tool import Server


def pytest_runtestloop(session):
    return turns.runtestloop(session)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL for this run; each test takes a database of its own: postgres.database()."""
    running = Postgres().start()
    yield running
    running.remove()


@pytest.fixture(scope="session", autouse=True)
def store_everywhere(request):
    """UPDRAFT_TEST_STORE=postgresql: every server of this run keeps its state there."""
    if os.environ.get("UPDRAFT_TEST_STORE") != "postgresql":
        yield
        return
    postgres = request.getfixturevalue("postgres")
    urls = {}
    Server.store_of = staticmethod(lambda state: urls.get(state) or urls.setdefault(state, postgres.database()))
    yield
    Server.store_of = None


@pytest.fixture(scope="session", autouse=True)
def document(store_everywhere, tmp_path_factory):
    """Every answer to people, in all tests, is compared with the server's own description."""
    running = Server(tmp_path_factory.mktemp("document") / "state").start()
    Server.document = Document(json.loads(running.call("people", "GET", "/api/v1/openapi.json").body))
    Server.device_document = Document(json.loads(running.call("people", "GET", "/api/v1/openapi.json?listener=devices").body))
    running.stop()
    yield Server.document
    Server.document = Server.device_document = None


@pytest.fixture
def server(tmp_path):
    """updraftd over plain HTTP on loopback, in a folder of its own."""
    running = Server(tmp_path / "state").start()
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture
def tls_server(tmp_path):
    """updraftd as it starts for the first time: own CA, TLS on both listeners."""
    running = Server(tmp_path / "state", tls=True).start()
    yield running
    if running.process.poll() is None:
        running.stop()
