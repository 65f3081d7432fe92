"""What the tests share: channels in memory, runners, contracts and ideal twins."""
