"""Time: paths of yearly equilibria, capacity, storage, disruptions."""
