"""What the octets of a message mean: header fields, parts, charsets, addresses, dates.

This room reads what anybody may have sent.  Nothing in it raises because of that, everything takes time in
proportion to the octets, and nothing calls itself: what cannot be read is noted as a defect, and stays as it is.
It has not heard of envelopes or inboxes.
"""
