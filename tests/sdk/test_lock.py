import os
from pathlib import Path

import pytest

from imageway.sdk.pipeline.files.lock import RunLockedError, run_lock


def test_a_second_run_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with run_lock(tmp_path), pytest.raises(RunLockedError) as caught, run_lock(tmp_path):
        pass

    assert str(caught.value) == f"{tmp_path} is in use: process {os.getpid()} is running a task into it"


def test_a_lock_is_given_back_and_its_file_stays_without_meaning(tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    with run_lock(output):
        pass
    (output / ".imageway" / "lock").write_text("12345")

    with run_lock(output):
        held = (output / ".imageway" / "lock").read_text()

    assert held == str(os.getpid())


def test_a_lock_without_a_number_in_it_belongs_to_another_process(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        (tmp_path / ".imageway" / "lock").write_bytes(b"\xff")
        with pytest.raises(RunLockedError, match="another process is running"), run_lock(tmp_path):
            pass
