"""The tables of a generation of the views: opens records of the log, reads the states that a batch starts
from, and turns what a batch comes to into statements. The projector and rebuilds share it."""
