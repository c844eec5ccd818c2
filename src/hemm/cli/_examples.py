"""An example of each command, which stands at the end of its help. They work in this order."""

from __future__ import annotations

EXAMPLES = {
    "run": "hemm run tiny baseline/random --task probe_shapes --limit 20",
    "prepare": "hemm prepare probe_shapes",
    "tasks": "hemm tasks probe_shapes",
    "models": "hemm models tiny",
    "metrics": "hemm metrics vqa_accuracy",
    "merge": "hemm merge shards",
    "score": "hemm score results --metric exact_match",
    "profile": "hemm profile results --by fine_grained",
    "show": "hemm show results/tiny/probe_shapes shapes-000090",
    "report": "hemm report results --open",
    "serve": "hemm serve results --open",
    "annotate": "hemm annotate results --open",
    "verify": "hemm verify",
    "preferences": "hemm preferences votes.csv",
    "paper": "hemm paper --subset full",
    "doctor": "hemm doctor results",
    "compare": "hemm compare results",
    "variance": "hemm variance results",
    "probes": "hemm probes",
    "interactions": "hemm interactions results",
    "judge-check": "hemm judge-check results --metric accuracy --template labels.csv",
    "diff": "hemm diff results --model tiny --model baseline/random",
    "completion": 'eval "$(hemm completion bash)"',
}
"""Command -> a command line. ``votes.csv`` is the user's own, and ``shards`` what shards of a run left."""
