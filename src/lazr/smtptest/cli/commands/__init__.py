"""The commands that talk to a running server, one in each file.

Each file has the function of the command and its `EXAMPLES`; `message_filter` has the criteria of `wait`.
"""
