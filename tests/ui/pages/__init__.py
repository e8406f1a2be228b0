"""Page objects: what a user sees and does on each page of the inbox, in one place each."""

from tests.ui.pages.app_page import AppPage
from tests.ui.pages.login_page import LoginPage
from tests.ui.pages.mail_page import DiffPage, MailPage

__all__ = ["AppPage", "DiffPage", "LoginPage", "MailPage"]
