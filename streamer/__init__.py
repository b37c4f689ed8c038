"""The Fargate side: Bybit's sockets in, decisions, orders out, pushes to dashboards."""
