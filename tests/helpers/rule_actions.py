"""Actions of rules by name, for tests with tables of actions."""


def add_action(rule, name, value=True):
    """Call the method of this action; return the rule.

    The value is its argument, a tuple of several, or True for an action without arguments.
    """
    arguments = () if value is True else value if isinstance(value, tuple) else (value,)
    return getattr(rule, name)(*arguments)
