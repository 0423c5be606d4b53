"""Where keys and values of TOML stand."""

import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshlint.source.document import Place
from meshlint.source.toml import toml_places

EVERYTHING = '''
# settings
a = 1 # x
"b.c".d = "x # y \\" ]"
e.f = [ 1, # c ]
  2, [3], {x=1, y.z = 'q'}, ]
when = 1979-05-27 07:32:00
m = """
 hi ""there"" """
n = \'\'\'it's\'\'\'
[severity]
unused-waypoint = "warning"
[[override]]
files = ["a"]
[override.severity]
q = "off"
[[override]]
files = ["b"]
severity = { w = "note" }
[tool . "meshlint"]
z = 2.5
[tool]
other = true
'''


def same(text: str, place: Place, data: object) -> None:
    """Check that places have the shape of the data, and that each scalar reads as it does."""
    match place.children:
        case dict() as children:
            assert isinstance(data, dict)
            assert set(children) == set(data) == set(place.keys or ())
            for key, child in children.items():
                same(text, child, data[key])
        case list() as children:
            assert isinstance(data, list)
            for child, item in zip(children, data, strict=True):
                same(text, child, item)
        case None:
            assert {"x": data} == tomllib.loads(f"x = {text[place.start : place.end]}")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_value_is_found_where_it_stands(newline):
    """
    What stands at a place reads as the value that tomllib gives for it.
    """
    text = EVERYTHING.replace("\n", newline)

    same(text, toml_places(text), tomllib.loads(text))


SCALARS = st.one_of(
    st.integers(-10, 10).map(str),
    st.sampled_from(["true", "1.5", '"a\\"#]"', "'#}'", '"""a\n#"""', "1979-05-27", "''"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[ " + " , ".join(items) + " ]"),
        st.lists(inner, max_size=3).map(lambda items: "[\n# ]\n" + ",\n".join(items) + "\n]"),
        st.dictionaries(st.sampled_from(["a", "'b.c'", "d.e"]), inner, max_size=3).map(
            lambda table: "{" + ",".join(f" {key} = {value} " for key, value in table.items()) + "}"
        ),
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(["a", "b.c", '"x y"', "b.d", "e"]), VALUES, max_size=4))
def test_any_text_that_is_read_has_its_places(entries):
    """
    Whatever tomllib reads can be walked.
    """
    text = "".join(f"{key}={value} # z\n" for key, value in entries.items())
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return

    same(text, toml_places(text), data)
