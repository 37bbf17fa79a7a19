"""Rules that find personal data in a transcript; ``analysis.redact`` is what others use."""
