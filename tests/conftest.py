"""The suite compiles what it tests: nothing is read from a folder of caches, or left in one; test_cache has its own."""
import os

os.environ["DUALTAPE_CACHE_DIR"] = "off"
