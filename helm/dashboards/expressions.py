"""PromQL that several panels share."""

from panels import Query

__all__ = ("BY_TARGET", "CORES", "ESTIMATED", "PICTURES", "REQUESTS", "SPENT", "quantile", "quantiles", "rate")

FILTER = '{key=~"$key",model=~"$model"}'
REQUESTS = f"imageway_requests_total{FILTER}"
SPENT = f"imageway_cost_usd_total{FILTER}"
ESTIMATED = f"imageway_cost_estimated_usd_total{FILTER}"
PICTURES = f"imageway_images_total{FILTER}"
CORES = (
    "sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval])"
    " * on (job, instance) group_left () max by (job, instance) (imageway_build_info))"
)
BY_TARGET = "{{provider}}/{{upstream_model}}"


def rate(metric: str, by: str, factor: str = "") -> str:
    """What the counter *metric* grows by in a second, by the labels *by*."""
    return f"{factor}sum by ({by}) (rate({metric}[$__rate_interval]))"


def quantile(q: float, histogram: str, by: str = "", labels: str = '{model=~"$model"}') -> str:
    """The *q* quantile of *histogram*, by the labels *by*."""
    grouped = f"{by}, le" if by else "le"
    return f"histogram_quantile({q}, sum by ({grouped}) (rate({histogram}_bucket{labels}[$__rate_interval])))"


def quantiles(histogram: str, labels: str = '{model=~"$model"}') -> list[Query]:
    """Median, p95 and p99 of *histogram*."""
    return [
        Query(quantile(q, histogram, labels=labels), name) for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    ]
