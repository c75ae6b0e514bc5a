"""Every reason why there is no feed has a sentence of its own."""

from __future__ import annotations

from bot.domain.fetch_result import FetchProblem
from bot.render.feed_problems import describe_problem
from bot.sources.feeds.model import RefusalReason


def test_every_problem_has_a_sentence() -> None:
    problems = [*FetchProblem, *RefusalReason]
    sentences = {describe_problem(problem) for problem in problems}
    assert len(sentences) == len(problems)
    assert describe_problem("internal") not in sentences
