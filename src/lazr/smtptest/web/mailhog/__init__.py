"""MailHog's API, for test suites that were written for MailHog.

`messages` has the routes for mails, and `schemas` builds their JSON.  `jim_routes` has the routes for Jim, MailHog's
name for faults at random, and `jim` turns its settings into rules.  Both use the store and the rules of the REST API.

MailHog's list at `GET /api/v1/messages` is missing: this path has Mailpit's list.
"""
