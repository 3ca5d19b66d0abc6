"""The golden archives: made byte for byte again, read again, or refused for the right reason."""

import pytest
from golden import FOLDER, GOOD, WORDS, bad, read_good

import shazip
from shazip import engines

BAD = bad(*read_good())


@pytest.mark.parametrize("engine", engines.available())
@pytest.mark.parametrize("name", GOOD)
def test_a_golden_archive_is_made_byte_for_byte(name, engine):
    assert GOOD[name].make(engine) == (FOLDER / f"good-{name}.shz").read_bytes()


@pytest.mark.parametrize("name", GOOD)
def test_a_golden_archive_opens(name):
    packed = (FOLDER / f"good-{name}.shz").read_bytes()
    assert shazip.decompress(packed, model=GOOD[name].model) == GOOD[name].content


def test_golden_archives_joined_open_as_their_contents_joined():
    packed = b"".join((FOLDER / f"good-{name}.shz").read_bytes() for name in GOOD)
    assert shazip.decompress(packed, model=WORDS) == b"".join(
        good.content for good in GOOD.values()
    )


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_is_refused_for_the_right_reason(name):
    packed, error = BAD[name]
    assert (FOLDER / f"{name}.shz").read_bytes() == packed
    with pytest.raises(error):
        shazip.decompress(packed)


def test_every_golden_file_has_its_test():
    names = {f"good-{name}" for name in GOOD} | set(BAD)
    assert {path.stem for path in FOLDER.glob("*.shz")} == names
