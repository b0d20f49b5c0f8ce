"""`python -m services.runtime.metrics` prints the table of deploy/METRICS.md."""

import sys

from services.runtime.metrics.exposition import as_markdown

if __name__ == "__main__":
    sys.stdout.write(f"{as_markdown()}\n")
