"""Traffic, times, vendors, refusals and the models' last days."""

from expressions import BY_TARGET, CORES, PICTURES, REQUESTS, quantile, quantiles, rate
from panels import Panel, Query, Row, dashboard

__all__ = ("OPERATION",)

OPERATION = dashboard(
    "imageway-operation",
    "imageway / operation",
    "Traffic, where the time goes, what is refused, and how the vendors do.",
    [
        Row(
            "Now",
            [
                Panel(
                    "Requests",
                    "Requests that ended, of all kinds.",
                    [Query(rate(REQUESTS, "job"), "{{job}}")],
                    "reqps",
                    "stat",
                    4,
                ),
                Panel(
                    "Failed in the last hour",
                    "Of the requests that aren't the caller's fault; the objective is 1 %.",
                    [Query("imageway:errors:ratio_rate1h", "{{job}}")],
                    "percentunit",
                    "stat",
                    4,
                ),
                Panel(
                    "Calls in flight",
                    "From a call's headers to the end of its answer.",
                    [Query("sum(imageway_calls_in_flight)", "calls")],
                    "short",
                    "stat",
                    4,
                ),
                Panel(
                    "Bytes in flight",
                    "What was received of the bodies of calls in flight.",
                    [Query("sum(imageway_bytes_in_flight)", "bytes")],
                    "bytes",
                    "stat",
                    4,
                ),
                Panel(
                    "Draining",
                    "Gateways that were told to end.",
                    [Query("sum(imageway_draining)", "gateways")],
                    "short",
                    "stat",
                    4,
                ),
                Panel(
                    "Gateways",
                    "Who answers, by release.",
                    [Query("sum by (version) (imageway_build_info)", "{{version}}")],
                    "short",
                    "stat",
                    4,
                ),
            ],
        ),
        Row(
            "Traffic",
            [
                Panel(
                    "Requests by end",
                    "ok, cancelled, or the error's code.",
                    [Query(rate(REQUESTS, "code"), "{{code}}")],
                    "reqps",
                    stacked=True,
                ),
                Panel(
                    "Requests by model",
                    "What callers named.",
                    [Query(rate(REQUESTS, "model"), "{{model}}")],
                    "reqps",
                    stacked=True,
                ),
                Panel(
                    "Pictures",
                    "Handed out, by operation.",
                    [Query(rate(PICTURES, "operation"), "{{operation}}")],
                    "short",
                    stacked=True,
                ),
                Panel(
                    "Bytes",
                    "Bodies of calls and answers.",
                    [
                        Query(rate("imageway_received_bytes_total", "operation"), "in {{operation}}"),
                        Query(rate("imageway_sent_bytes_total", "operation"), "out {{operation}}"),
                    ],
                    "Bps",
                ),
                Panel(
                    "Calls in flight",
                    "By gateway.",
                    [Query("sum by (instance) (imageway_calls_in_flight)", "{{instance}}")],
                ),
                Panel(
                    "Processor",
                    "Cores in use by gateway; a process can use one.",
                    [
                        Query(
                            CORES,
                            "{{instance}}",
                        )
                    ],
                    "percentunit",
                ),
            ],
        ),
        Row(
            "Where the time goes",
            [
                Panel(
                    "A request", "From the decoded request to its answer.", quantiles("imageway_request_seconds"), "s"
                ),
                Panel(
                    "At the vendors",
                    "All attempts of a request together.",
                    quantiles("imageway_upstream_seconds"),
                    "s",
                ),
                Panel(
                    "The gateway's own part",
                    "What is neither an upstream call nor a wait.",
                    quantiles("imageway_overhead_seconds"),
                    "s",
                ),
                Panel(
                    "To the first picture",
                    "Of streams, previews included.",
                    quantiles("imageway_first_picture_seconds"),
                    "s",
                ),
                Panel(
                    "Waits between attempts",
                    "Of the requests that had to wait.",
                    quantiles("imageway_wait_seconds"),
                    "s",
                ),
                Panel(
                    "An upstream call by target",
                    "p95.",
                    [Query(quantile(0.95, "imageway_attempt_seconds", "provider, upstream_model", ""), BY_TARGET)],
                    "s",
                ),
            ],
        ),
        Row(
            "Vendors",
            [
                Panel(
                    "Upstream calls by end",
                    "Of all targets.",
                    [Query(rate('imageway_attempts_total{model=~"$model"}', "code"), "{{code}}")],
                    "reqps",
                    stacked=True,
                ),
                Panel(
                    "Failing calls by target",
                    "The share in the last five minutes.",
                    [Query("max by (provider, upstream_model) (imageway:attempt_failures:ratio_rate5m)", BY_TARGET)],
                    "percentunit",
                ),
                Panel(
                    "Breakers",
                    "0 closed, 1 half open, 2 open.",
                    [Query("max by (provider, upstream_model) (imageway_breaker_state)", BY_TARGET)],
                ),
                Panel(
                    "Retries and fallbacks",
                    "Attempts after which a target was asked again, or another one.",
                    [
                        Query(rate("imageway_retries_total", "provider, code"), "again {{provider}} {{code}}"),
                        Query(rate("imageway_fallbacks_total", "provider, code"), "elsewhere {{provider}} {{code}}"),
                    ],
                    "reqps",
                ),
                Panel(
                    "Targets left out",
                    "Because they are full, rest, or their breaker is open; and how often vendors asked for a rest.",
                    [
                        Query(rate("imageway_passed_over_total", "provider, reason"), "{{provider}} {{reason}}"),
                        Query(rate("imageway_rests_total", "provider"), "{{provider}} asked for a rest"),
                    ],
                    "reqps",
                ),
                Panel(
                    "Doubtful calls and short answers",
                    "In an hour: calls that may have been charged for without a picture, and answers that lack some.",
                    [
                        Query(
                            "sum by (provider, upstream_model) (increase(imageway_doubtful_attempts_total[1h]))",
                            BY_TARGET,
                        ),
                        Query("sum by (model) (increase(imageway_short_answers_total[1h]))", "{{model}} short"),
                    ],
                ),
            ],
        ),
        Row(
            "Refused before anything is sent",
            [
                Panel(
                    "Faults by parameter",
                    "What callers get wrong.",
                    [Query(rate('imageway_violations_total{model=~"$model"}', "param, fault"), "{{param}}: {{fault}}")],
                    "reqps",
                    stacked=True,
                ),
                Panel(
                    "Rules that changed a request",
                    "By rule.",
                    [Query(rate('imageway_translations_total{model=~"$model"}', "rule"), "{{rule}}")],
                    "reqps",
                    stacked=True,
                ),
                Panel(
                    "Keyed calls",
                    "What became of calls under an Idempotency-Key.",
                    [Query(rate("imageway_keyed_calls_total", "outcome"), "{{outcome}}")],
                    "reqps",
                    stacked=True,
                ),
                Panel(
                    "Turned away",
                    "Calls for which there was no room, by what there was too little of.",
                    [Query(rate("imageway_shed_calls_total", "cause"), "{{cause}}")],
                    "reqps",
                    width=12,
                ),
                Panel(
                    "Room for bodies and answers",
                    "The fullest gateway's share of what it may use, in memory and on the disk.",
                    [
                        Query(
                            "max by (place) (imageway_room_used_bytes / (imageway_room_limit_bytes > 0))",
                            "{{place}}",
                        )
                    ],
                    "percentunit",
                    width=12,
                ),
            ],
        ),
        Row(
            "Models and configuration",
            [
                Panel(
                    "Days to the vendor's shutdown",
                    "By model and target; below zero it has ended.",
                    [
                        Query(
                            "sort(min by (model, provider, upstream_model)"
                            " (imageway_model_shutdown_timestamp_seconds - time()) / 86400)",
                            "{{model}} on {{provider}}/{{upstream_model}}",
                        )
                    ],
                    "d",
                    "bargauge",
                    12,
                ),
                Panel(
                    "Configurations read",
                    "In a day, by whether they could be used.",
                    [Query("sum by (outcome) (increase(imageway_config_reloads_total[1d]))", "{{outcome}}")],
                    "short",
                    "stat",
                    6,
                ),
                Panel(
                    "Stores that failed",
                    "In an hour; empty is well.",
                    [
                        Query(
                            "sum by (store, calls) (increase(imageway_store_failures_total[1h])) or vector(0)",
                            "{{store}} {{calls}}",
                        )
                    ],
                    "short",
                    "stat",
                    6,
                ),
            ],
        ),
    ],
)
