"""Pictures behind links: where they are kept, how their links are signed, and work on their pixels."""
