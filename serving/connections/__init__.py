"""Connections: how many there are, how long they wait for their clients, and how they end."""
