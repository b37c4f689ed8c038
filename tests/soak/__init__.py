"""A long time under random faults: many accounts and positions, one streamer, and nothing may grow.

`make soak MINUTES=60 ACCOUNTS=50`: `crowd.py` trades, `weather.py` spoils, `gauges.py` watches, `books.py` compares at the
end.
"""
