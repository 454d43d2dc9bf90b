# Uses all of EvaluationResult.
from openevolve.evaluation_result import EvaluationResult


def evaluate(program_path):
    bare = EvaluationResult.from_dict({"a": 1.0})
    assert bare.to_dict() == {"a": 1.0} and not bare.has_artifacts() and bare.get_artifact_keys() == []
    full = EvaluationResult(metrics={"a": 1.0}, artifacts={"text": "\u00e4", "bytes": b"\x00\x01\x02", "other": 12})
    assert full.has_artifacts() and full.get_artifact_keys() == ["text", "bytes", "other"]
    assert [full.get_artifact_size(key) for key in ("text", "bytes", "other", "none")] == [2, 3, 2, 0]
    assert full.get_total_artifact_size() == 7
    assert full == EvaluationResult({"a": 1.0}, dict(full.artifacts)) and full != bare
    return full
