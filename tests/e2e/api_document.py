"""The OpenAPI document as a judge: does an answer hold what the document says, and nothing else?"""
import copy
import json
from urllib.parse import urlsplit

import jsonschema


def strict(schema):
    """Members that are not described are wrong, too."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            strict(value)
    elif isinstance(schema, list):
        for value in schema:
            strict(value)
    return schema


class Document:
    def __init__(self, described):
        self.described = described
        self.components = strict(copy.deepcopy(described["components"]))
        self.operations = {(method.upper(), path): operation for path, operations in described["paths"].items()
                           for method, operation in operations.items()}
        self.by_length = {}
        for method, path in self.operations:
            self.by_length.setdefault((method, path.count("/")), []).append((path, path.split("/")))
        self.validators = {}
        self.answered = set()  # operation ids that answered 2xx or 3xx as described

    def find(self, method, path):
        """(path of the document, operation) of a request; None: it is not described."""
        parts = urlsplit(path).path.split("/")
        best = None
        for pattern, words in self.by_length.get((method, len(parts) - 1), []):
            if all(word == part or (word.startswith("{") and part) for word, part in zip(words, parts)):
                if best is None or sum(w.startswith("{") for w in words) < sum(w.startswith("{") for w in best.split("/")):
                    best = pattern
        if best is None and method == "HEAD":
            return self.find("GET", path)
        return (best, self.operations[method, best]) if best else None

    def validate(self, schema, value):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            whole = {**strict(copy.deepcopy(schema)), "components": self.components}
            self.validators[key] = jsonschema.Draft202012Validator(whole)
        wrong = next(self.validators[key].iter_errors(value), None)
        return None if wrong is None else f"{'/'.join(map(str, wrong.absolute_path))}: {wrong.message[:300]}"

    def check(self, method, path, sent, reply):
        found = self.find(method, path)
        if found is None:
            return
        pattern, operation = found
        code = str(reply.status)
        responses = operation["responses"]
        where = f"{method} {pattern} -> {code}"
        media = (reply.headers.get("Content-Type") or "").split(";")[0]
        if code not in responses:
            assert reply.status >= 300, f"{where}: not described"
            response = responses["default"]
        else:
            response = responses[code]
            self.answered.add((method, pattern))
        content = response.get("content", {})
        if not reply.body or method == "HEAD":
            assert not content or method == "HEAD" or reply.status >= 300, f"{where}: a body is described"
            return
        if reply.status == 304:
            return
        assert content, f"{where}: no body is described, got {reply.body[:100]!r}"
        if "application/json" in content and media in ("application/json", "application/hal+json"):
            wrong = self.validate(content["application/json"]["schema"], json.loads(reply.body))
            assert wrong is None, f"{where}: {wrong}"
        else:
            assert reply.status >= 300 or media in [name.split(";")[0] for name in content] or \
                "application/octet-stream" in content, f"{where}: {media} is not described"
        if reply.status < 300 and "requestBody" in operation and isinstance(sent, (str, bytes)):
            asked = operation["requestBody"]["content"].get("application/json")
            form = "multipart/form-data" in operation["requestBody"]["content"] and sent[:2] in (b"--", "--")
            cbor = "application/cbor" in operation["requestBody"]["content"] and isinstance(sent, bytes)
            if asked and not form and not cbor:
                wrong = self.validate(asked["schema"], json.loads(sent))
                assert wrong is None, f"request of {where}: {wrong}"
