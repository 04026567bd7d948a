"""The peer: nginx with two workers, files of the same size from the same disk, plain and TLS, in the same run."""
import os
import subprocess
from pathlib import Path

from common import free_port, wait_for_port

CONFIG = """
{user}daemon off; master_process on; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000; keepalive_timeout 600;
  default_type application/json;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{plain}; root {folder}/www; }}
  server {{ listen 127.0.0.1:{tls} ssl; root {folder}/www; ssl_certificate {folder}/cert.pem;
            ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.3; }}
}}
"""


class Nginx:
    def __init__(self, folder: Path):
        self.folder = folder
        (folder / "www").mkdir(parents=True)
        folder.chmod(0o755)
        self.plain, self.tls = free_port(), free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
        user = "user root;\n" if os.geteuid() == 0 else ""  # its workers must be able to read the folder
        (folder / "nginx.conf").write_text(CONFIG.format(user=user, folder=folder, plain=self.plain, tls=self.tls))
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-e", folder / "error.log", "-c", folder / "nginx.conf"],
                                        stdin=subprocess.DEVNULL)
        wait_for_port(self.plain, self.process)
        wait_for_port(self.tls, self.process)

    @property
    def ca(self) -> Path:
        return self.folder / "cert.pem"

    def serve(self, name: str, content: bytes) -> None:
        (self.folder / "www" / name).write_bytes(content)
        (self.folder / "www" / name).chmod(0o644)

    def link(self, name: str, path: Path) -> None:
        """The very same file, so that the page cache serves both alike."""
        (self.folder / "www" / name).hardlink_to(path)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
