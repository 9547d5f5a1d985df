"""Calls without a pause until standard input ends; then tells how many there were, and every one that failed, as JSON.

usage: load.py HOST:PORT WORKERS. Half of the workers open a connection for each call, half keep theirs as long as the
gateway lets them: a connection that it closed while nothing was asked on it is opened anew, as every HTTP client does.
"""

import base64
import http.client
import json
import sys
import threading
import time

PICTURE = b"\x89PNG\r\n\x1a\n"


class Count:
    """What came of the calls, for all workers."""

    def __init__(self) -> None:
        self.fine = 0
        self.failed: list[str] = []
        self.slowest_s = 0.0
        self.lock = threading.Lock()


def work(address: str, count: Count, stop: threading.Event, *, keep: bool) -> None:
    connection = http.client.HTTPConnection(address, timeout=120)
    body = json.dumps({"model": "gpt-image-2", "prompt": "a teal teapot", "size": "1024x1024", "quality": "low"})
    while not stop.is_set():
        started = time.monotonic()
        used = connection.sock is not None
        try:
            connection.request("POST", "/v1/images/generations", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            drawn = base64.b64decode(json.loads(content)["data"][0]["b64_json"]) if answer.status == 200 else b""
            fault = "" if drawn.startswith(PICTURE) else f"{answer.status} {content[:300].decode(errors='replace')}"
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            connection.close()
            if used:
                continue
            fault = repr(error)
        except OSError as error:
            connection.close()
            fault = repr(error)
        with count.lock:
            count.slowest_s = max(count.slowest_s, time.monotonic() - started)
            if fault:
                count.failed.append(fault)
            else:
                count.fine += 1
        if not keep:
            connection.close()
    connection.close()


def main() -> None:
    address, workers = sys.argv[1], int(sys.argv[2])
    count, stop = Count(), threading.Event()
    threads = [
        threading.Thread(target=work, args=(address, count, stop), kwargs={"keep": number % 2 == 0})
        for number in range(workers)
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"fine": count.fine, "failed": count.failed, "slowest_s": round(count.slowest_s, 2)}))


if __name__ == "__main__":
    main()
