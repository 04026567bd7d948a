import pytest
from server_tool import Server


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
