"""What is taken away: that it is the network whose costs were told."""
