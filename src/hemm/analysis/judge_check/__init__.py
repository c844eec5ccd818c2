"""A judge against labels by people: its bias, its calibration, and scores that labels put right."""

from hemm.analysis.judge_check.build import JudgeCheck, judge_check
from hemm.analysis.judge_check.template import TEMPLATE, template_rows

__all__ = ["TEMPLATE", "JudgeCheck", "judge_check", "template_rows"]
