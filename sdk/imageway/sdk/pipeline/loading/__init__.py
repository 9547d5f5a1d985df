"""A task's files into a plan, or into every fault that they have."""
