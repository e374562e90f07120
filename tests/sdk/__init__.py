"""The vendors' own SDKs, unmodified, against a running gateway."""
