"""The errors a caller may catch. Every message is one line: what is wrong, where, and what is allowed."""


class FilmLookError(Exception):
    """Anything Film Look refuses or cannot do."""


class LookError(FilmLookError):
    """A setting that is unknown, of the wrong type or out of range."""


class StockFileError(FilmLookError):
    """A stock or LUT file that is missing, damaged or of an unknown kind."""


class UnknownStockError(LookError, StockFileError):
    """The name of a stock that is not installed."""


class PictureError(FilmLookError):
    """A picture that cannot be read, written or developed."""


class AlreadyDevelopedError(PictureError):
    """A picture that is developed already, and shall not be once more."""
