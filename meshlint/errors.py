"""What meshlint raises when it cannot do as it was asked."""


class MeshlintError(Exception):
    """The base of every error that meshlint raises on purpose."""


class UsageError(MeshlintError):
    """What was asked for cannot be done as asked: a path that is not there, a wrong option."""
