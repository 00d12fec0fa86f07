"""Property tests search the same examples on every machine, and write no database into the checkout."""

from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("project")
