"""One exception tree, with an exit code for each of its branches."""

import re

import pytest

from lth_edge import errors
from lth_edge.errors import LthEdgeError, nearest


def branches():
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LthEdgeError)]


def test_every_branch_has_the_exit_code_that_the_docstring_promises():
    promised = dict(re.findall(r"(\w+Error) +(\d+)", errors.__doc__))
    assert {kind.__name__: str(kind.exit_code) for kind in branches()} == promised


def test_exit_codes_are_distinct_and_not_those_of_success_or_interruption():
    codes = [kind.exit_code for kind in branches()]
    assert len(set(codes)) == len(codes)
    assert not {0, errors.INTERRUPTED} & set(codes)


def test_an_error_prints_its_message_and_its_mend():
    assert str(LthEdgeError("x is wrong", "do y")) == "x is wrong\n  do y"
    assert str(LthEdgeError("x is wrong")) == "x is wrong"


@pytest.mark.parametrize(("name", "mend"), [("lenet5", "did you mean 'lenet-5'?"), ("zzz", "known: lenet-5, mlp")])
def test_an_unknown_name_gets_the_nearest_or_all(name, mend):
    assert nearest(name, ["mlp", "lenet-5"]) == mend
