"""Jobs: the state machine, fair turns, the queue."""
