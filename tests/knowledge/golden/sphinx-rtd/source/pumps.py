"""Pumps and what they move."""


class PumpError(Exception):
    """Raised when a pump runs dry."""


class Pump:
    """A pump that moves water.

    Args:
        name: how it is called.
        power: in watts, above 0.

    Example:
        >>> Pump("north").start()
        True
    """

    #: The greatest power in watts.
    MAX_POWER: int = 4000

    def __init__(self, name: str, power: int = 100) -> None:
        self.name = name

    def start(self, *, slowly: bool = False) -> bool:
        """Start it.

        Args:
            slowly (bool): take a minute to reach full speed.

        Returns:
            bool: whether it runs now.

        Raises:
            PumpError: it runs dry.

        .. versionchanged:: 2.0
           The argument ``slowly`` is new.
        """
        return True

    @property
    def pressure(self) -> float:
        """The pressure in bar."""
        return 1.0

    @classmethod
    def from_file(cls, path: str) -> "Pump":
        """Read a pump from a file."""
        return cls(path)

    @staticmethod
    def list_all() -> list[str]:
        """Name all pumps.

        .. deprecated:: 2.1
           Use :func:`find` instead.
        """
        return []


def find(pattern: str, /, limit: int | None = None, *, where: tuple[int, ...] = ()) -> list[Pump]:
    """Find pumps by name.

    :param pattern: a glob.
    :param limit: at most so many; ``None`` for all.
    :returns: the pumps, by name.
    """
    return []


def drain(names: list[str], limit: int = 3) -> None:
    """Empty pumps, in the style of NumPy.

    Parameters
    ----------
    names : list of str
        Which.
    limit : int, optional
        At most so many.

    Examples
    --------
    >>> drain(["north"])

    See Also
    --------
    find : names pumps.
    """
