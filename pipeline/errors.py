"""The exceptions whose text is meant for the person at the terminal."""


class UserError(Exception):
    """Bad input or settings: one sentence with the problem, its place and its fix.

    The command line prints the sentence and exits with code 2. Any other exception is a defect
    and keeps its traceback.
    """


class StorageError(UserError):
    """The storage is full or does not answer; this ends the run.

    Engines never turn it into error rows, because these would stay in a finished table.
    """
