"""Jobs against sudden ends: real servers are killed at random moments while clients submit, poll and are called back.

``python -m crash`` (with ``tests`` on the path, see ``make crash``) runs as long as it is told; a short run is the test
``tests/server/test_jobs_crash.py``.
"""
