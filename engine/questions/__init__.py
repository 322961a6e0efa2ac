"""What the lab can be asked: one file each, found by name; each has a function `answer(**values) -> Answer`.

A question is short, takes values that JSON can hold, and raises RequestError if it cannot be answered. It may
keep what it computed in its module: the lab's process is warm, and lost without notice.
"""
