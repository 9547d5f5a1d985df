"""Every metric by its name, help and labels; docs/metrics.md is the same for readers, and a test compares the two."""

from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ("Families",)

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)
_OWN_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
_TARGET = ("provider", "upstream_model")


class Families:
    """The gateway's metrics in *registry*. Labels come from the configuration and closed sets, never from callers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, told: str, labels: Sequence[str] = ()) -> Counter:
            return Counter(f"imageway_{name}", told, labels, registry=registry)

        def gauge(name: str, told: str, labels: Sequence[str] = ()) -> Gauge:
            return Gauge(f"imageway_{name}", told, labels, registry=registry)

        def histogram(name: str, told: str, labels: Sequence[str], buckets: Any = _SECONDS) -> Histogram:  # noqa: ANN401
            return Histogram(f"imageway_{name}", told, labels, buckets=buckets, registry=registry)

        self.requests = counter(
            "requests",
            "Image requests by their end: ok, cancelled, or the error's code.",
            ("operation", "model", "key", "code"),
        )
        self.request_seconds = histogram(
            "request_seconds", "From the decoded request to its answer.", ("operation", "model")
        )
        self.overhead_seconds = histogram(
            "overhead_seconds", "The gateway's own part of a request.", ("operation", "model"), _OWN_SECONDS
        )
        self.upstream_seconds = histogram(
            "upstream_seconds",
            "The part of a request that targets took, all attempts together.",
            ("operation", "model"),
        )
        self.wait_seconds = histogram(
            "wait_seconds", "The part of a request between attempts, where there was one.", ("operation", "model")
        )
        self.first_picture_seconds = histogram(
            "first_picture_seconds",
            "From the decoded request to the first picture or preview of a stream.",
            ("operation", "model"),
        )
        self.attempts = counter("attempts", "Calls to targets by their end.", (*_TARGET, "model", "code"))
        self.attempt_seconds = histogram("attempt_seconds", "Calls to targets.", _TARGET)
        self.retries = counter("retries", "Attempts after which a target was asked again, by why.", (*_TARGET, "code"))
        self.fallbacks = counter(
            "fallbacks", "Attempts after which another target was asked, by why.", (*_TARGET, "code")
        )
        self.passed_over = counter("passed_over", "Times that a target was left out, by why.", (*_TARGET, "reason"))
        self.rests = counter("rests", "Times that a vendor asked for a pause.", _TARGET)
        self.breaker_state = gauge("breaker_state", "0 closed, 1 half open, 2 open: the target isn't asked.", _TARGET)
        self.doubtful = counter(
            "doubtful_attempts", "Attempts that may have been charged for though nobody got a picture.", _TARGET
        )
        self.images = counter("images", "Pictures handed out.", ("operation", "model", "key"))
        self.short_answers = counter(
            "short_answers", "Answers with fewer pictures than were asked for.", ("operation", "model", "key")
        )
        self.tokens = counter(
            "tokens",
            "Tokens that vendors counted; modality is unspecified where they don't split them.",
            ("model", "key", "direction", "modality"),
        )
        self.cost = counter("cost_usd", "What upstream calls came to, where it is known.", ("model", "key", "provider"))
        self.cost_estimated = counter(
            "cost_estimated_usd", "The most that calls which were sent might have cost.", ("model", "key", "provider")
        )
        self.violations = counter(
            "violations",
            "Faults found before anything was sent, by parameter and by the vendor's word for them.",
            ("model", "param", "fault"),
        )
        self.translations = counter("translations", "Requests that a rule changed on the way.", ("model", "rule"))
        self.limit_refusals = counter("limit_refusals", "Calls refused by a limit of their key.", ("key", "limit"))
        self.keyed = counter("keyed_calls", "Calls under an Idempotency-Key by what became of them.", ("outcome",))
        self.received_bytes = counter("received_bytes", "Bytes of calls' bodies.", ("operation",))
        self.sent_bytes = counter("sent_bytes", "Bytes of answers to calls.", ("operation",))
        self.calls_in_flight = gauge("calls_in_flight", "Calls from their headers to the end of their answer.")
        self.bytes_in_flight = gauge("bytes_in_flight", "Bytes received of the bodies of calls in flight.")
        self.room_used = gauge("room_used_bytes", "Room that bodies and answers have, or that is reserved.", ("place",))
        self.room_limit = gauge("room_limit_bytes", "All the room that there is for them.", ("place",))
        self.shed = counter("shed_calls", "Calls that were turned away for want of room.", ("cause",))
        self.draining = gauge("draining", "1 once the gateway was told to end.")
        self.late_calls = counter("late_calls", "Calls refused because the gateway is about to end.")
        self.budget = gauge("budget_usd", "A key's budget for the UTC day or month.", ("key", "period"))
        self.budget_left = gauge("budget_left_usd", "What is left of it; reservations are spent.", ("key", "period"))
        self.shutdown = gauge(
            "model_shutdown_timestamp_seconds",
            "When the vendor shuts a target's model down, in Unix time; 00:00 UTC of its last day.",
            ("model", *_TARGET),
        )
        self.reloads = counter("config_reloads", "Times that the configuration was read again.", ("outcome",))
        self.reload_failed = gauge("config_reload_failed", "1 where the newest configuration couldn't be used.")
        self.store_failures = counter(
            "store_failures",
            "Times that limits or budgets couldn't be looked up: calls were refused, or passed uncounted.",
            ("store", "calls"),
        )
        self.build = gauge("build_info", "1, with what runs.", ("version", "python"))
