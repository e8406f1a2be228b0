"""What was received: mails, the inbox that holds them in order, the questions a test asks of it.

This room knows messages and waiting.  It has not heard of SMTP sessions or sockets.
"""
