"""What `helm test` runs in the cluster: the gateway is ready, and draws, or tells what it would do, or wants a key."""

import base64
import http.client
import json
import os
import sys


def call(method, path, body=None):
    connection = http.client.HTTPConnection(os.environ["GATEWAY"], timeout=120)
    headers = {"content-type": "application/json"}
    if os.environ.get("KEY"):
        headers["authorization"] = "Bearer " + os.environ["KEY"]
    connection.request(method, path, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def expect(fine, what, status, body):
    if not fine:
        sys.exit(f"{what}: {status} {body[:2000].decode(errors='replace')}")
    print(f"{what}: fine")


status, body = call("GET", "/readyz")
expect(status == 200, "ready", status, body)
if os.environ.get("HAS_KEYS") and not os.environ.get("KEY"):
    status, body = call("GET", "/v1/models")
    expect(status == 401, "callers without a key are refused; test.keySecret has one to test more with", status, body)
    sys.exit()
status, body = call("GET", "/v1/models")
models = [model["id"] for model in json.loads(body)["data"]] if status == 200 else []
expect(bool(models), "there are models", status, body)
asked = {"model": os.environ["MODEL"] or models[0], "prompt": "a teal teapot", "n": 1}
if not os.environ["MODEL"]:
    status, body = call("POST", "/v1/images/generations?dry_run=true", asked)
    expect(status == 200 and "would_send" in json.loads(body), "a dry run, which sends nothing", status, body)
    sys.exit()
status, body = call("POST", "/v1/images/generations", asked)
drawn = base64.b64decode(json.loads(body)["data"][0].get("b64_json") or "") if status == 200 else b""
expect(drawn.startswith(b"\x89PNG\r\n\x1a\n"), f"a picture of {len(drawn)} bytes", status, body)
