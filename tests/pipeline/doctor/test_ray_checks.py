"""A cluster that is asked for its nodes; tests/flows/test_doctor.py asks a real one."""

from tag2mask.pipeline.doctor.ray_checks import check_cluster
from tag2mask.pipeline.errors import UserError


def test_a_cluster_that_nobody_answers_for(monkeypatch):
    def refused(self):
        raise UserError("cannot reach the Ray cluster at 10.0.0.1:6379")

    monkeypatch.setattr("tag2mask.pipeline.engine.ray.RayEngine.connect", refused)
    (check,) = check_cluster("10.0.0.1:6379", None)
    assert check.found == "cannot reach the Ray cluster at 10.0.0.1:6379"
    assert "RAY_ADDRESS" in check.fix
