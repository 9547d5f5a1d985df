"""A gateway that has seen everything: one configuration and a round of calls which touch every metric there is."""

import base64
from hashlib import sha256
from pathlib import Path

import httpx

from fakes.upstream import PNG, Upstream, drawn, failed, streamed

CONFIG = """
server: {{port: 0}}
providers:
  - {{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{folder}/key"}}
  - {{name: spare, type: openai, base_url: "{url}/v1", api_key: "file:{folder}/key"}}
models:
  - name: gpt-image-1
    lifecycle: warn
    targets:
      - {{provider: main, model: gpt-image-1}}
      - {{provider: spare, model: gpt-image-1}}
  - name: shared
    contract: openai/gpt-image-1
    targets:
      - {{provider: main, model: small, spec: openai/gpt-image-1, requests_per_minute: 1}}
      - {{provider: spare, model: large, spec: openai/gpt-image-1}}
  - {{name: dall-e-2, targets: [{{provider: main, model: gpt-image-1-mini, translate: true}}]}}
keys:
  - {{name: team-a, sha256: {team_a}, budget_usd_per_day: 50, budget_usd_per_month: 500}}
  - {{name: poor, sha256: {poor}, budget_usd_per_day: "0.001"}}
  - {{name: slow, sha256: {slow}, requests_per_minute: 1, images_per_minute: 4}}
budgets: {{store: "sqlite:budgets.sqlite3"}}
ledger: {{store: "sqlite:ledger.sqlite3"}}
"""
USAGE = {
    "total_tokens": 1100,
    "input_tokens": 100,
    "output_tokens": 1000,
    "input_tokens_details": {"text_tokens": 60, "image_tokens": 40},
}
EVENT_USAGE = {"usage": USAGE, "created_at": 1, "b64_json": base64.b64encode(PNG).decode()}
BASE = {"model": "gpt-image-1", "prompt": "a kite", "quality": "low", "size": "1024x1024"}


def configured(folder: Path, vendor: str) -> Path:
    """The configuration's file, for a gateway whose upstream is *vendor*."""
    (folder / "key").write_text("sk-secret\n")
    hashes = {name: sha256(name.encode()).hexdigest() for name in ("team_a", "poor", "slow")}
    (folder / "gateway.yaml").write_text(CONFIG.format(url=vendor, folder=folder, **hashes))
    return folder / "gateway.yaml"


def one_round(client: httpx.Client, upstream: Upstream, mark: str) -> list[int]:
    """The statuses of a round of calls; *mark* makes its idempotency keys its own. Everything is sequential."""
    statuses: list[int] = []

    def post(key: str = "team_a", path: str = "generations", idempotency: str = "", **fields: object) -> None:
        headers = {"authorization": f"Bearer {key}"}
        if idempotency:
            headers["idempotency-key"] = f"{idempotency}-{mark}"
        reply = client.post(f"/v1/images/{path}", json={**BASE, **fields}, headers=headers)
        statuses.append(reply.status_code)

    upstream.replies.append(drawn(usage=USAGE))
    post()
    split = {**USAGE, "output_tokens_details": {"text_tokens": 10, "image_tokens": 990}}
    upstream.replies.append(drawn(usage=split))
    reply = client.post(
        "/v1/images/edits",
        data={"model": "gpt-image-1", "prompt": "a kite"},
        files={"image": ("kite.png", PNG)},
        headers={"authorization": "Bearer team_a"},
    )
    statuses.append(reply.status_code)
    partial = {"b64_json": "aGk=", "partial_image_index": 0, "created_at": 1}
    upstream.replies.append(
        streamed(("image_generation.partial_image", partial), ("image_generation.completed", EVENT_USAGE))
    )
    post(stream=True, partial_images=1)
    post(n=2)  # one picture comes
    post(size="9x9")
    post(model="a-callers-own-words")
    post(model="dall-e-2", prompt="a teal kite", size="256x256", quality="standard")
    upstream.replies.append(failed(429, "rate_limit_exceeded", retry_after="0.01"))
    post()
    upstream.replies.append(failed(429, "rate_limit_exceeded", retry_after="0.01"))
    post(model="dall-e-2", prompt="a teal kite", size="256x256", quality="standard")
    post(model="shared")
    post(model="shared")
    upstream.replies.append(failed(500, None))
    post()
    post(idempotency="drawn")
    post(idempotency="drawn")
    post(idempotency="drawn", prompt="another")
    upstream.replies.append(failed(500, None))
    post(idempotency="doubtful")
    post(idempotency="doubtful")
    upstream.replies.append(failed(401, "invalid_api_key"))
    post()
    post("poor")
    post("slow")
    post("slow")
    post("nobody")
    return statuses
