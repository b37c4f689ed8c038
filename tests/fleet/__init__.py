"""Many accounts over several streamer processes, some of which are killed."""
