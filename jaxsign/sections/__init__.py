"""The sections of a recipe: each is one dataclass with its keys, their defaults and checks."""
