"""How calls get to the gateway: within a budget, at the pace that it bears, equal ones shared where that is wanted."""
