"""A client of hawkBit's Management API v1, written from its published shapes and used as its tools are: it knows hawkBit's words only,
pages through lists, follows links, uploads forms, and takes any 2xx where hawkBit's releases differ. Nothing of Updraft is in it."""
import base64
import http.client
import json
import uuid
from urllib.parse import urlencode, urlsplit


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.error = status, body


class Client:
    def __init__(self, url, user, password, context=None):
        self.url, self.context = urlsplit(url), context
        self.basic = base64.b64encode(f"{user}:{password}".encode()).decode()

    def send(self, method, path, body=None, content_type="application/json", accept="application/hal+json"):
        if path.startswith("http"):
            parts = urlsplit(path)
            assert parts.netloc == self.url.netloc, "a link leads elsewhere"
            path = parts.path + ("?" + parts.query if parts.query else "")
        make = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
        connection = make(self.url.netloc, timeout=60, **({"context": self.context} if self.context else {}))
        headers = {"Authorization": f"Basic {self.basic}", "Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        if reply.status >= 300:
            raise Refused(reply.status, json.loads(data) if data else None)
        return json.loads(data) if data and "json" in (reply.headers["Content-Type"] or "") else data

    def get(self, resource, **query):
        return self.send("GET", f"/rest/v1/{resource}" + ("?" + urlencode(query) if query else ""))

    def post(self, resource, body=None):
        return self.send("POST", f"/rest/v1/{resource}", None if body is None else json.dumps(body))

    def put(self, resource, body):
        return self.send("PUT", f"/rest/v1/{resource}", json.dumps(body))

    def delete(self, resource):
        return self.send("DELETE", f"/rest/v1/{resource}")

    def all(self, resource, limit=2, **query):
        """Every entry of a list, page by page."""
        found = []
        while True:
            page = self.get(resource, offset=len(found), limit=limit, **query)
            assert page["size"] == len(page["content"]) <= limit
            found += page["content"]
            if len(found) >= page["total"] or not page["content"]:
                return found

    def upload(self, module, name, data):
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        return self.send("POST", f"/rest/v1/softwaremodules/{module}/artifacts", body, f"multipart/form-data; boundary={boundary}")

    def follow(self, entity, rel):
        return self.send("GET", entity["_links"][rel]["href"])
