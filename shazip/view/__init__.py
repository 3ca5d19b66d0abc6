"""`shazip view`: where the bits of a file go, as a page for the browser or as text in a terminal.

look.py (file or archive -> Look) -> summary.py, pack.py -> page.py, or terminal.py
"""
