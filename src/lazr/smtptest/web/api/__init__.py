"""The routes of the REST API, one module for each group of routes.

- Mails: `messages` (lists, searches, changes), `message` (one mail), `message_parts`, `message_details`, `view` (for
  browsers), `tags`, `send`, `wait`, `events` (a websocket), and the actions on one mail: `release`, `html_check`,
  `link_check`.
- The mail server: `rules`, `chaos`, `sessions`.
- The installation: `info`, `health`, `metrics`, `openapi`.

Each route gets the mails that it may see from `access_scope`.  `message_param` finds the mail that a path names,
`query_params` and `request_body` parse what the client sends, and `schemas` builds the JSON of mails.
"""
