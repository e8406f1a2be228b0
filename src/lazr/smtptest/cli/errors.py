"""The error that ends a command: a text for standard error, and an exit status."""

__all__ = ["CommandError"]


class CommandError(Exception):
    """A command cannot do its work; the text says why.

    `exit_status` is 1 for a failure at run time, and 2 for a wrong option, argument or file.
    """

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status
