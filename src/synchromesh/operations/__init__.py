"""Running a venue: its processes, bringing one up, the demo and its dashboard."""
