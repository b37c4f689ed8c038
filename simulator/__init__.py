"""A Bybit V5 look-alike: REST, public, private and trade WebSocket, and a control port under /sim.

Written from Bybit's own documents, without a line of the code it is used to test. Start it with
``python -m simulator``, or in a test with ``simulator.server.running_simulator``.
"""
