"""The fault table: what can go wrong, and the test that shows what then happens.

A test says which rows it shows with `@pytest.mark.fault(row, …)`; `make faults` runs them all and prints the table.
`test_simulated.py` lets each fault that the simulation knows strike alone and often; `proxy.py` spoils real connections.
"""
