"""Allow all classes: rows prepared for a prediction without tags."""

from tag2mask.pipeline.stages.allow_all_classes import AllowAllClasses


def test_every_class_is_allowed():
    rows = [{"id": "a", "tags": [2]}, {"id": "b", "tags": [1, 3]}]
    allowed = [{"id": "a", "tags": [1, 2, 3]}, {"id": "b", "tags": [1, 2, 3]}]
    assert AllowAllClasses(3)(rows) == allowed
    assert rows[0]["tags"] == [2], "the rows that came in stay as they are"
