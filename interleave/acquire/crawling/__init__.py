"""The live crawl: which pages are visited, what is taken from them, and the WARC that is left."""
