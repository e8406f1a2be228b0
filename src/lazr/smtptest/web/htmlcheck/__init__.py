"""How well mail programs support what the HTML of a mail uses, by the data of https://www.caniemail.com.

`uses` counts what is used, in a process of its own, with `markup` and `styles`; `table` knows the mail programs, and
`score` puts both together.  Nothing is loaded from elsewhere: of a stylesheet that is linked to, only the link counts.
"""
