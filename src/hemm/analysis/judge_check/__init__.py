"""A judge against labels by people: its bias, its calibration, and scores that labels put right."""

from hemm.analysis.judge_check.build import JudgeCheck, judge_check
from hemm.analysis.judge_check.template import write_template

__all__ = ["JudgeCheck", "judge_check", "write_template"]
