"""What benchmarks measure with: rounds that label nothing, clocks, meters."""
