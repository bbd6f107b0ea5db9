"""docs/reliability.md names only tests that exist."""

import promises


def test_the_table_of_promises_is_that_of_the_tests():
    page = promises.PAGE.read_text(encoding='utf-8')
    assert promises.updated(page) == page, 'run python tests/promises.py'
