"""The exceptions whose text is meant for the person at the terminal."""


class UserError(Exception):
    """Bad input or settings: one sentence that says what, where and how to fix it.

    The command line prints the sentence and exits with code 2; every other exception is
    a defect and keeps its traceback.
    """


class StorageError(UserError):
    """The storage is full or does not answer: no row's fault, and the end of the run.

    Engines never turn it into error rows, which would stay in a table that is done.
    """
