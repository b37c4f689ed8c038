"""Every message that crosses a process boundary, as pydantic models. The OpenAPI document is made from these."""
