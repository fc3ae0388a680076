"""What Postgres says of a statement that it carried out."""


def touched(status: str) -> int:
    """Return how many rows it touched; `status` is as `UPDATE 2` or `INSERT 0 1`."""
    return int(status.rpartition(" ")[2])
