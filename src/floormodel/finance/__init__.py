"""Plants and their prices: discounting, cash flows of representative projects, mean-reverting price risk."""
