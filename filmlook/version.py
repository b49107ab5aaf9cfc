"""The version of Film Look: in the package, in infotexts, in the API's answers."""

__version__ = "0.1.0"
