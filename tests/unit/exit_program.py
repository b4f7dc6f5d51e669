"""A user exit for tests, as an entry point finds it."""


def user_exit(call: object) -> int:
    return 0
