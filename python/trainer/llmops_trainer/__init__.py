"""Programs that make and convert models: training, and conversion for the local engine."""
