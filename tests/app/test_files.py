import os
from pathlib import Path

import pytest

from docbot.app.files import new_file
from docbot.errors import TransientError


def test_what_cannot_be_written_in_the_end_hides_no_error_that_led_there(tmp_path: Path) -> None:
    def fail() -> None:
        with new_file(tmp_path / "copy.tar", "a copy", force=False) as file:
            file.write(b"held in a buffer")
            os.close(file.fileno())
            raise TransientError("told")

    with pytest.raises(TransientError, match="told"):
        fail()
    assert list(tmp_path.iterdir()) == []
