import os

import pytest
from pg_tool import Postgres
from server_tool import Server


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
