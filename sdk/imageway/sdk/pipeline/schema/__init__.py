"""What a task's files may say, as Structs that the YAML is decoded into, and that the editors' schema is made of."""
