"""Programs for coverage-guided fuzzing: `make fuzz`."""
