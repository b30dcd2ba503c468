"""What is shipped in deploy/ is run, or read as its readers read it."""
