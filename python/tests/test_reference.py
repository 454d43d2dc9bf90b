"""The reference says what the source says."""

import reference
import samara


def test_the_reference_is_that_of_the_source():
    assert reference.PAGE.read_text() == reference.page(), "run: python python/tests/reference.py"


def test_every_public_name_is_in_the_reference():
    page = reference.page()
    missing = [name for name in samara.__all__ if name[0] != "_" and f"### `samara.{name}`" not in page]
    assert missing == []
