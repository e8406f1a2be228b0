"""DNS records for the checks of mails: a zone in memory, or the name servers of the system."""
