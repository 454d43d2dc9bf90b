# What the evaluator beside it imports.
SCORE = 0.5
