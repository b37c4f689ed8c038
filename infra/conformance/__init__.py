"""What is believed of Bybit V5, as cases that run against Bybit's testnet or demo, or against the simulator.

The simulator is only as good as what it was written from; here the same assertions are made of both. Each case speaks the
protocol itself, over `Desk`, and knows neither the simulator's inside nor our adapters.
"""
