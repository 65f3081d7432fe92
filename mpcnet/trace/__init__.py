"""What happened when in a run: each party writes a timeline, and several of them become one page."""
