"""The rows of the strategies by kind of provider: which claims become which attributes."""
