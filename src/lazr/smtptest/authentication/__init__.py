"""Check DKIM, ARC, SPF and DMARC on plain values, without network access."""
