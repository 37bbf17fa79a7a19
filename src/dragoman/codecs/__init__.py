"""Wire formats that are more than JSON, as pure functions: bytes and time in, values out. Standard library only."""
