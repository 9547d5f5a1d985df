"""Pipelines: a task's YAML is loaded into a plan, and the plan is run over records."""
