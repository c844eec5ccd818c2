"""The forms of run.json and aggregates.json: what every command may take for granted of them.

A checksum says that a file is whole, not that hemm wrote it. So each is checked by its form too.
"""

from __future__ import annotations

from types import NoneType

_COUNT, _NUMBER, _COUNTS, _TEXTS = int, (int, float), {"*": int}, {"*": str}
_ANY = object
_SEAL = {"file": str, "rows": int, "sha256": str}
_PLAIN = (str, int, float, bool, NoneType)
_NAMES = [(str, {"object": str})]
"""Models, tasks or metrics as they were given: by name, or as an object of a program."""
_PAIRS = [[str, str]]

_SELECTION = {
    "seed": int,
    "limit": (int, NoneType),
    "order?": str,
    "clusters?": int,
    "units": int,
    "samples": int,
    "repeats": int,
    "pack": str,
    "shard?": str,
}

_COMMAND = {
    "command": [str],
    "options?": {
        "*": (*_PLAIN, list),
        "models": _NAMES,
        "tasks?": _NAMES,
        "metrics?": _NAMES,
        "where?": [str],
        "settings?": _PAIRS,
        "card?": (str, NoneType),
        "model_cards?": [str],
        "prompt?": (str, NoneType),
        "prompt_name?": str,
    },
    "seconds": _NUMBER,
    "started": _NUMBER,
    "asked": int,
    "stopped?": (str, NoneType),
    "hardware": {
        "system?": (str, NoneType),
        "processors?": (int, NoneType),
        "memory?": (*_NUMBER, NoneType),
        "accelerators?": [str],
    },
    "versions?": {"*": (str, NoneType)},
}

_MET = {
    "notices?": [{"text": str, "unread": _ANY}],
    "missing?": {"count": int, "names": [str], "files?": int},
    "problems?": {"count": int, "samples": [{"id": str, "problem": str}]},
    "left_out?": {"count": int, "rows": [{"where": str, "why": str}]},
}

_CHECK = {
    "points": _NUMBER,
    "reached": bool,
    "method": str,
    "level": _NUMBER,
    "metric": str,
    "asked": int,
    "of": int,
    "value": (*_NUMBER, NoneType),
    "interval": [_NUMBER, _NUMBER],
    "parts": [{"dimension": str, "category": str, "low": _NUMBER, "high": _NUMBER}],
}
"""The last check of ``--until-ci``."""

RUN = {
    "schema_version": int,
    "state": str,
    "parts": [_SEAL],
    "calls": (_SEAL, NoneType),
    "selections": [_SELECTION],
    "commands": [_COMMAND],
    "files?": {"*": [(str, NoneType)]},
    "until_ci?": (_CHECK, NoneType),
    "merged?": {"from": [str], "own": bool, "parts": [str], "missing": [str]},
    "model": {"name": str, "revision": str, "spec": str},
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
        "seed?": (int, NoneType),
        "generation": {
            "max_new_tokens": int,
            "temperature": _NUMBER,
            "top_p": _NUMBER,
            "stop": [str],
            "seed?": int,
            "max_pixels?": int,
            "thinking_budget": int,
            "scoring": str,
            "extra": _PAIRS,
        },
    },
    "pack": {
        "hash": str,
        "questions_hash?": str,
        "source?": (str, NoneType),
        "revision?": (str, NoneType),
        "licence?": (str, NoneType),
        "met?": _MET,
        "rows?": _COUNTS,
        "limit?": (int, NoneType),
        "order?": (str, NoneType),
    },
    "card": {"title?": str, "licence?": str, "labels": _TEXTS, "labels_by?": str},
    "origin?": {
        "*": (*_PLAIN, list, dict),
        "kind?": str,
        "repo?": str,
        "revision?": str,
        "file?": str,
        "name?": str,
        "task?": str,
        "variant?": (str, NoneType),
    },
    "options?": {"*": {"value": _ANY, "default": _ANY}},
    "metrics?": [str],
    "settings?": _PAIRS,
    "prompt_file?": str,
    "versions?": {"*": (str, NoneType)},
    "tokens?": {"input": (int, NoneType), "output": (int, NoneType)},
    "cost?": (*_NUMBER, NoneType),
    "wall_time?": _NUMBER,
    "errors?": int,
    "outcomes?": _COUNTS,
    "places?": [{"accelerator": str, "node": str, "answers": int}],
    "request_rules?": int,
    "model_card?": ({"params_b": (*_NUMBER, NoneType), "labels": _TEXTS}, NoneType),
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
            "metric": str,
            "version": int,
            "range": [(*_NUMBER, NoneType), (*_NUMBER, NoneType)],
            "higher_is_better": bool,
            "components": {
                "*": {
                    "value": (*_NUMBER, NoneType),
                    "n?": _COUNT,
                    "outcomes?": _COUNTS,
                    "groups?": _COUNT,
                    "clusters?": _COUNT,
                    "nulls?": _COUNT,
                    "cut?": _COUNT,
                    "corpus?": bool,
                }
            },
            "parameters": _TEXTS,
            "over?": {"groups": int, "samples": int, "ids": str},
            "judge?": dict,
            "own?": dict,
            "sha256?": str,
        }
    },
}
