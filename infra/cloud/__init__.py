"""Deploys to AWS, and runs there."""
