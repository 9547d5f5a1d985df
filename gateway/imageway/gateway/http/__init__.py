"""The HTTP shell: OpenAI's Images dialect over Litestar, thin enough to hold no decision of its own."""
