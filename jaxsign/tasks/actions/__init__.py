"""Graphs of actions: what a wearer does in each, with which objects, and how these take part."""
