"""The generic connector: values stay inside the texts of the company's own JSON."""

import pytest

from notifications.connectors.generic import TemplateRefused, checked_template, filled


def test_a_gap_alone_keeps_the_type_of_its_value():
    assert filled({"n": "{received}", "t": "{received} of {total}"}, {"received": 2, "total": 4}) == {
        "n": 2,
        "t": "2 of 4",
    }


def test_a_value_with_quotes_and_braces_breaks_out_of_nothing():
    assert filled(["x {external_ref} y"], {"external_ref": '"}{case_url}'}) == ['x "}{case_url} y']


@pytest.mark.parametrize("template", [{"a": "{phone}"}, ["{}"], {"a": {"b": ["{upload_url}"]}}])
def test_a_template_that_names_what_there_is_not_is_refused(template):
    with pytest.raises(TemplateRefused, match="no field"):
        checked_template(template)


def test_a_template_as_deep_as_a_bomb_is_refused():
    deep: object = "x"
    for _level in range(50):
        deep = [deep]
    with pytest.raises(TemplateRefused, match="deep"):
        checked_template(deep)
