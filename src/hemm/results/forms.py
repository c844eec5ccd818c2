"""The forms of run.json and aggregates.json. Where a file has no checksum (hemm 0.1.0), nothing may lack."""

from __future__ import annotations

from types import NoneType

_COUNT, _NUMBER, _COUNTS = int, (int, float), {"*": int}
_ANY = object
_SEAL = {"file": str, "rows": int, "sha256": str}

RUN = {
    "schema_version": int,
    "state": str,
    "parts": [_SEAL],
    "calls": (dict, NoneType),
    "selections": [
        {
            "seed": int,
            "limit?": (int, NoneType),
            "units": int,
            "samples": int,
            "repeats": int,
            "pack": str,
            "shard?": str,
        }
    ],
    "commands": [
        {
            "seconds": _NUMBER,
            "started": _NUMBER,
            "versions?": dict,
            "options?": {"metrics?": [(str, dict)], "card?": (str, NoneType)},
        }
    ],
    "files?": {"*": [(str, NoneType)]},
    "until_ci?": (dict, NoneType),
    "merged?": {"from": [str], "own": bool, "parts": [str], "missing": [str]},
    "model": {"name": str, "revision": str, "spec?": str},
    "task": str,
    "protocol": str,
    "protocol_spec": {
        "model": {"name": str, "revision": str},
        "template": str,
        "instruction": str,
        "system": str,
        "shots": int,
        "control": str,
        "perturb": str,
        "generation": {
            "max_new_tokens": int,
            "temperature": _NUMBER,
            "top_p": _NUMBER,
            "stop": [str],
            "thinking_budget": int,
            "scoring": str,
            "extra": [[str]],
        },
    },
    "pack": {
        "hash": str,
        "questions_hash?": str,
        "source?": (str, NoneType),
        "revision?": (str, NoneType),
        "met?": dict,
        "rows?": {"*": int},
        "limit?": (int, NoneType),
        "order?": (str, NoneType),
    },
    "card?": {"title?": str, "labels?": {"*": str}},
    "origin?": dict,
    "options?": {"*": {"value": _ANY, "default": _ANY}},
    "metrics?": [str],
    "settings?": [[str]],
    "prompt_file?": str,
    "versions?": {"*": _ANY},
    "tokens?": {"input": (int, NoneType), "output": (int, NoneType)},
    "cost?": (*_NUMBER, NoneType),
    "wall_time?": _NUMBER,
    "errors?": int,
    "outcomes?": _COUNTS,
    "request_rules?": int,
    "model_card?": (dict, NoneType),
    "answer_format?": {"name": str, "version": int},
}
"""As ``core.forms`` reads it."""

AGGREGATES = {
    "schema_version": int,
    "basis?": str,
    "parser?": {"*": _ANY},
    "headline?": (str, NoneType),
    "outcomes?": _COUNTS,
    "unscored?": _COUNTS,
    "pending?": [str],
    "left_out?": {"*": {"spec": str, "why": str}},
    "metrics": {
        "*": {
            "spec": str,
            "version?": int,
            "range": [(*_NUMBER, NoneType)],
            "higher_is_better": bool,
            "components": {
                "*": {
                    "value": (*_NUMBER, NoneType),
                    "n": _COUNT,
                    "outcomes?": _COUNTS,
                    "groups?": _COUNT,
                    "clusters?": _COUNT,
                    "nulls?": _COUNT,
                    "cut?": _COUNT,
                }
            },
            "parameters?": {"*": str},
            "judge?": dict,
            "own?": dict,
        }
    },
}
