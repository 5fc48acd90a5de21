"""The command paint: what it tells a person before it serves."""


def test_no_model(command, tmp_path):
    code, out, err = command("paint", tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("tag2mask: no model at")
    assert err.count("\n") == 1
