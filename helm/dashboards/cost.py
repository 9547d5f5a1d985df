"""What is spent, on what, by whom, and whom limits stop."""

from expressions import ESTIMATED, PICTURES, SPENT, rate
from panels import Panel, Query, Row, dashboard

__all__ = ("COST",)

COST = dashboard(
    "imageway-cost",
    "imageway / cost and limits",
    "Who spends what on which model, what is left, and whom limits stop; cost is the vendors', by the catalogue.",
    [
        Row(
            "Cost",
            [
                Panel(
                    "Spent",
                    "In 24 hours, where it is known.",
                    [Query(f"sum(increase({SPENT}[1d]))", "USD")],
                    "currencyUSD",
                    "stat",
                    6,
                ),
                Panel(
                    "The most it might have been",
                    "In 24 hours: estimates before the calls.",
                    [Query(f"sum(increase({ESTIMATED}[1d]))", "USD")],
                    "currencyUSD",
                    "stat",
                    6,
                ),
                Panel(
                    "A picture",
                    "Its cost, on average over 24 hours.",
                    [
                        Query(
                            f"sum(increase({SPENT}[1d])) / (sum(increase({PICTURES}[1d])) > 0)",
                            "USD",
                        )
                    ],
                    "currencyUSD",
                    "stat",
                    6,
                ),
                Panel(
                    "Pictures",
                    "In 24 hours.",
                    [Query(f"sum(increase({PICTURES}[1d]))", "pictures")],
                    "short",
                    "stat",
                    6,
                ),
                Panel(
                    "USD an hour by key",
                    "At the present rate.",
                    [Query(rate(SPENT, "key", "3600 * "), "{{key}}")],
                    "currencyUSD",
                    width=8,
                    stacked=True,
                ),
                Panel(
                    "USD an hour by model",
                    "At the present rate.",
                    [
                        Query(
                            rate(SPENT, "model", "3600 * "),
                            "{{model}}",
                        )
                    ],
                    "currencyUSD",
                    width=8,
                    stacked=True,
                ),
                Panel(
                    "USD an hour by provider",
                    "At the present rate.",
                    [
                        Query(
                            rate(SPENT, "provider", "3600 * "),
                            "{{provider}}",
                        )
                    ],
                    "currencyUSD",
                    width=8,
                    stacked=True,
                ),
            ],
        ),
        Row(
            "What it is made of",
            [
                Panel(
                    "Tokens",
                    "As vendors count them.",
                    [
                        Query(
                            rate('imageway_tokens_total{key=~"$key",model=~"$model"}', "direction, modality"),
                            "{{direction}} {{modality}}",
                        )
                    ],
                    "short",
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Pictures by key",
                    "Handed out.",
                    [Query(rate(PICTURES, "key"), "{{key}}")],
                    "short",
                    width=12,
                    stacked=True,
                ),
            ],
        ),
        Row(
            "Budgets and limits",
            [
                Panel(
                    "Budgets spent",
                    "The share, reservations included, by key and period.",
                    [
                        Query(
                            'max by (key, period) (1 - imageway_budget_left_usd{key=~"$key"} / imageway_budget_usd)',
                            "{{key}} {{period}}",
                        )
                    ],
                    "percentunit",
                    "bargauge",
                    8,
                ),
                Panel(
                    "Budgets left",
                    "USD.",
                    [Query('min by (key, period) (imageway_budget_left_usd{key=~"$key"})', "{{key}} {{period}}")],
                    "currencyUSD",
                    width=8,
                ),
                Panel(
                    "Calls that limits refused",
                    "By key and limit.",
                    [Query(rate('imageway_limit_refusals_total{key=~"$key"}', "key, limit"), "{{key}} {{limit}}")],
                    "reqps",
                    width=8,
                    stacked=True,
                ),
            ],
        ),
    ],
)
