# AlphaEvolve's protocol: reads the candidate in every way, and returns scores and insights.


def evaluate(candidate):
    code = candidate["content"]["files"][0]["content"]
    assert candidate.content.files[0].content == candidate.code == candidate.files[0].content == code
    with open(candidate.path, encoding="utf-8") as file:
        assert file.read() == code
    space = {}
    exec(code, space)
    scores = [{"metric": name, "score": score} for name, score in space["SCORES"].items()]
    return {"scores": {"scores": scores}, "insights": {"insights": [{"label": "shape", "text": "square"}]}}
