"""An identity provider on loopback: discovery, its public keys, and the tokens that it would sign."""

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm


class Issuer:
    """`url` is set by whoever serves it; `asked` counts by path; `down` makes it answer 503, `silent` not at all."""

    def __init__(self) -> None:
        self.url = ""
        self.calls_itself: str | None = None
        self.down = self.silent = False
        self.asked: list[str] = []
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.rotate("one")

    def rotate(self, key_id: str) -> None:
        """Sign with another key, called *key_id*; the others are gone."""
        self._keys = {key_id: ec.generate_private_key(ec.SECP256R1())}

    def token(self, *, key_id: str | None = None, **claims: Any) -> str:
        [(newest, key)] = self._keys.items()
        return jwt.encode(claims, key, algorithm="ES256", headers={"kid": key_id or newest})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        while self.silent and (await receive())["type"] != "http.disconnect":
            continue
        answers = {
            "/.well-known/openid-configuration": {
                "issuer": self.calls_itself or self.url,
                "jwks_uri": f"{self.url}/keys",
            },
            "/keys": {"keys": [self._public(key_id) for key_id in self._keys]},
        }
        body = json.dumps(answers[scope["path"]]).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 503 if self.down else 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _public(self, key_id: str) -> dict[str, Any]:
        row = ECAlgorithm.to_jwk(self._keys[key_id].public_key(), as_dict=True)
        return {**row, "kid": key_id, "use": "sig", "alg": "ES256"}
