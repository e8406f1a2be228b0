"""What ends a command: a line for people, and an exit status."""

__all__ = ["Failure"]


class Failure(Exception):
    """A command cannot do what it was told; the text says why, in a line or some."""

    def __init__(self, said: str, status: int = 1) -> None:
        super().__init__(said)
        self.status = status
