"""Guards open positions while no streamer does. Runs apart from the streamer, each minute."""
