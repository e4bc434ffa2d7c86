"""One thin module per subcommand: parses, calls, prints."""
