"""Strategies by kind of provider: which claims become which attributes."""
