"""What a serving process does on the side, and what operators run: the schedule, retention, resealing."""
