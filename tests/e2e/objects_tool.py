"""An object storage that fails as it is told to: enough of S3 to put and get, and nothing that decides whether signing is right (interop/ has that)."""
import hashlib
import http.server
import threading


class Objects:
    def __init__(self):
        self.stored, self.asked, self.faults, self.lock = {}, [], [], threading.Lock()
        self.down = False  # every connection is closed without an answer
        self.hold_at = None  # no object is sent beyond this byte
        self.released = threading.Event()  # until this is set

        objects = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self):
                objects.put(self)

            def do_GET(self):
                objects.get(self)

            def log_message(self, *_):
                pass

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # connections that are cut are what the tests are about

        self.server = Threads(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/bucket/fleet"

    def key(self, digest):
        return f"/bucket/fleet/{digest[:2]}/{digest}"

    def fails(self, *faults):
        """What happens to the next requests: None, a status, "refuse", "hang", ("cut", bytes), "wrong", "whole" (ranges are ignored)."""
        with self.lock:
            self.faults += faults

    def begin(self, request):
        with self.lock:
            self.asked.append((request.command, request.path, request.headers.get("Range")))
            fault = "refuse" if self.down else self.faults.pop(0) if self.faults else None
        signed = request.headers.get("Authorization", "")
        if not signed.startswith("AWS4-HMAC-SHA256 ") or "x-amz-content-sha256" not in signed:
            fault = 403
        return fault

    def answer(self, request, status, body=b"", cut=None, first=None, **headers):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if first is not None and self.hold_at is not None and cut is None:
            now = max(0, self.hold_at - first)
            request.wfile.write(body[:now])
            self.released.wait(300)
            body = body[now:]
        request.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.hang_up(request)

    def hang_up(self, request):
        request.wfile.flush()
        request.close_connection = True

    def put(self, request):
        fault = self.begin(request)
        length = int(request.headers["Content-Length"])
        if fault == "refuse":
            return self.hang_up(request)
        if isinstance(fault, tuple):
            request.rfile.read(min(fault[1], length))
            return self.hang_up(request)
        body = request.rfile.read(length)
        if isinstance(fault, int):
            return self.answer(request, fault, b"<Error/>")
        if hashlib.sha256(body).hexdigest() != request.headers["x-amz-content-sha256"]:
            return self.answer(request, 400, b"<Error><Code>XAmzContentSHA256Mismatch</Code></Error>")
        with self.lock:
            self.stored[request.path] = body
        return self.answer(request, 200)

    def get(self, request):
        fault = self.begin(request)
        body = self.stored.get(request.path)
        if fault == "refuse":
            return self.hang_up(request)
        if isinstance(fault, int):
            return self.answer(request, fault, b"<Error/>")
        if body is None:
            return self.answer(request, 404, b"<Error><Code>NoSuchKey</Code></Error>")
        if fault == "hang":
            self.released.wait(300)
            return self.hang_up(request)
        if fault == "wrong":
            body = bytes([body[0] ^ 1]) + body[1:]
        cut = fault[1] if isinstance(fault, tuple) else None
        wanted = request.headers.get("Range")
        if wanted and fault != "whole":
            first = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if first >= len(body):
                return self.answer(request, 416, b"<Error/>")
            return self.answer(request, 206, body[first:], cut, first, Content_Range=f"bytes {first}-{len(body) - 1}/{len(body)}")
        return self.answer(request, 200, body, cut, 0)
