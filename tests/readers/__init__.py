"""Read mail with other programs and libraries, such as imaplib, mbsync and mutt."""
