"""Where state is kept: a file of this process, or a Redis that several gateways share."""
