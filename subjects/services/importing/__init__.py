"""Imports of people from CSV files: read, checked and sealed in worker processes, saved in chunks.

``reading`` and ``worker`` know no Django: a worker process starts quickly and holds no database.
"""
