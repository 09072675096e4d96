"""Uploads: received within limits, and decoded in processes of their own."""
