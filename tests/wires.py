"""How OpenAI, Anthropic and Google write requests and answers: what ``servers.ChatServer`` speaks."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

TOP = {" Yes": -0.2, "yes": -3.0, "No": -2.0, "A": -4.0, "B": -5.0, " a dark": -6.0, "Maybe": -7.0}
"""The likeliest first tokens that every server tells, with their log-probabilities."""

DRAWN = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
"""The picture (one red pixel) that every server draws."""


def _pictures(parts: list[Any]) -> list[bytes]:
    return [base64.b64decode(p, validate=True) for p in parts]


@dataclass(frozen=True)
class OpenAI:
    """Chat completions."""

    def parts(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        contents = [m["content"] for m in body["messages"]]
        lists = [[{"type": "text", "text": c}] if isinstance(c, str) else c for c in contents]
        return [part for parts in lists for part in parts]

    def texts(self, body: dict[str, Any]) -> list[str]:
        return [p["text"] for p in self.parts(body) if p["type"] == "text"]

    def pictures(self, body: dict[str, Any]) -> list[bytes]:
        urls = [p["image_url"]["url"] for p in self.parts(body) if p["type"] == "image_url"]
        return _pictures([u.partition(",")[2] for u in urls])

    def key(self, headers: dict[str, str]) -> str:
        return headers.get("api-key") or headers.get("authorization", "none").removeprefix("Bearer ")

    def error(self, status: int, message: str) -> Any:
        kind = {401: "invalid_api_key", 404: "model_not_found"}.get(status, "injected")
        return {"error": {"message": message, "type": "injected", "code": kind}}

    def filtered(self) -> tuple[int, Any]:
        return 400, {"error": {"code": "content_filter", "message": "The prompt was filtered"}}

    def models(self, names: list[str]) -> Any:
        return {"object": "list", "data": [{"id": m} for m in names]}

    def answer(self, body: dict[str, Any], text: str, fault: str, pictures: int) -> Any:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        finish = "stop"
        if fault == "content_filter":
            message["content"], finish = None, "content_filter"
        elif fault == "refusal":
            message["content"], message["refusal"] = None, "I cannot help with that."
        elif fault == "length":
            message["content"], finish = text[:1], "length"
        elif fault == "empty":
            message["content"] = ""
        elif fault == "reasoning":
            message["reasoning_content"] = "Let me think."
        if "image" in body.get("modalities", ()):
            url = "data:image/png;base64," + base64.b64encode(DRAWN).decode()
            message["images"] = [{"type": "image_url", "image_url": {"url": url}}]
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish}
        if body.get("logprobs"):
            token: dict[str, Any] = {"token": text, "logprob": -0.25}
            if body.get("top_logprobs"):
                token["top_logprobs"] = [{"token": t, "logprob": p} for t, p in TOP.items()]
            choice["logprobs"] = {"content": [token]}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": body.get("model", ""),
            "system_fingerprint": "fp_test",
            "choices": [choice],
            "usage": {"prompt_tokens": 10 + 100 * pictures, "completion_tokens": 1},
        }


@dataclass(frozen=True)
class Images:
    """OpenAI's endpoints that make pictures; an edit's form is given as {name: [bytes, ...]}."""

    def texts(self, body: dict[str, Any]) -> list[str]:
        found = body["prompt"]
        return [found if isinstance(found, str) else found[0].decode()]

    def pictures(self, body: dict[str, Any]) -> list[bytes]:
        return [*body.get("image", []), *body.get("image[]", [])]

    key, error, models = OpenAI.key, OpenAI.error, OpenAI.models

    def filtered(self) -> tuple[int, Any]:
        return 400, {"error": {"code": "moderation_blocked", "message": "Not allowed"}}

    def answer(self, body: dict[str, Any], text: str, fault: str, pictures: int) -> Any:
        row = {"url": "http://x/y.png"} if fault == "url" else {"b64_json": base64.b64encode(DRAWN).decode()}
        usage = {"input_tokens": 10 + 100 * pictures, "output_tokens": 1000}
        return {"created": 1, "data": [row], "usage": usage}


@dataclass(frozen=True)
class Anthropic:
    """Messages."""

    def parts(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        contents = [m["content"] for m in body["messages"]]
        lists = [[{"type": "text", "text": c}] if isinstance(c, str) else c for c in contents]
        return [part for parts in lists for part in parts]

    def texts(self, body: dict[str, Any]) -> list[str]:
        system = [body["system"]] if isinstance(body.get("system"), str) else []
        return system + [p["text"] for p in self.parts(body) if p["type"] == "text"]

    def pictures(self, body: dict[str, Any]) -> list[bytes]:
        return _pictures([p["source"]["data"] for p in self.parts(body) if p["type"] == "image"])

    def key(self, headers: dict[str, str]) -> str:
        return headers.get("x-api-key") or headers.get("authorization", "none").removeprefix("Bearer ")

    def error(self, status: int, message: str) -> Any:
        kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
        return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}

    def filtered(self) -> tuple[int, Any]:
        return 200, self._message({}, [], "refusal", 0)

    def models(self, names: list[str]) -> Any:
        rows = [
            {"type": "model", "id": m, "display_name": m, "created_at": "2026-01-01T00:00:00Z"} for m in names
        ]
        return {"data": rows, "has_more": False, "first_id": None, "last_id": None}

    def answer(self, body: dict[str, Any], text: str, fault: str, pictures: int) -> Any:
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        stop = {"length": "max_tokens", "refusal": "refusal", "content_filter": "refusal"}.get(
            fault, "end_turn"
        )
        if fault == "length":
            content[0]["text"] = text[:1]
        elif fault in ("refusal", "content_filter", "empty"):
            content = []
        elif fault == "reasoning":
            content.insert(0, {"type": "thinking", "thinking": "Let me think.", "signature": "x"})
        return self._message(body, content, stop, pictures)

    def _message(self, body: dict[str, Any], content: list[Any], stop: str, pictures: int) -> Any:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", ""),
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 10 + 100 * pictures, "output_tokens": 1},
        }


_STATUS = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


@dataclass(frozen=True)
class Google:
    """generateContent."""

    def parts(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        contents = [body["systemInstruction"]] if body.get("systemInstruction") else []
        return [p for content in [*contents, *body["contents"]] for p in content["parts"]]

    def texts(self, body: dict[str, Any]) -> list[str]:
        return [p["text"] for p in self.parts(body) if "text" in p]

    def pictures(self, body: dict[str, Any]) -> list[bytes]:
        data = [p["inlineData"]["data"] for p in self.parts(body) if "inlineData" in p]
        return [base64.urlsafe_b64decode(d.replace("+", "-").replace("/", "_")) for d in data]

    def key(self, headers: dict[str, str]) -> str:
        return headers.get("x-goog-api-key", "none")

    def error(self, status: int, message: str) -> Any:
        details = []
        if status == 401:  # as Google does
            details = [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"},
            ]
        kind = _STATUS.get(status, "INTERNAL")
        return {"error": {"code": status, "message": message, "status": kind, "details": details}}

    def filtered(self) -> tuple[int, Any]:
        return 200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {}}

    def models(self, names: list[str]) -> Any:
        return {"models": [{"name": f"models/{m}", "displayName": m} for m in names]}

    def answer(self, body: dict[str, Any], text: str, fault: str, pictures: int) -> Any:
        parts: list[dict[str, Any]] = [{"text": text}]
        finish = "STOP"
        if fault in ("content_filter", "refusal"):
            parts, finish = [], "SAFETY"
        elif re.fullmatch("[A-Z_]+", fault):
            parts, finish = [], fault
        elif fault == "length":
            parts, finish = [{"text": text[:1]}], "MAX_TOKENS"
        elif fault == "empty":
            parts = []
        elif fault == "reasoning":
            parts.insert(0, {"text": "Let me think.", "thought": True})
        config = body.get("generationConfig", {})
        if "IMAGE" in config.get("responseModalities", ()):
            data = base64.b64encode(DRAWN).decode()
            parts.append({"inlineData": {"mimeType": "image/png", "data": data}})
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "finishReason": finish}
        if config.get("responseLogprobs"):
            top = [{"token": t, "logProbability": p} for t, p in TOP.items()]
            candidate["logprobsResult"] = {
                "topCandidates": [{"candidates": top}],
                "chosenCandidates": [{"token": text, "logProbability": -0.25}],
            }
        return {
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": 10 + 100 * pictures,
                "candidatesTokenCount": 1,
                "thoughtsTokenCount": 5 if fault == "reasoning" else 0,
            },
            "modelVersion": "fp_test",
        }


Wire = OpenAI | Images | Anthropic | Google


def wire_of(path: str, headers: dict[str, str]) -> Wire:
    """Who speaks at this path."""
    if "/v1beta/" in path or ":generateContent" in path or "x-goog-api-key" in headers:
        return Google()
    if path.endswith("/messages") or "anthropic-version" in headers:
        return Anthropic()
    if "/images/" in path:
        return Images()
    return OpenAI()


def read_body(content: bytes, kind: str) -> dict[str, Any]:
    """JSON, or a form as {name: [bytes, ...]}."""
    if not kind.startswith("multipart/form-data"):
        found = json.loads(content or b"{}")
        assert isinstance(found, dict)
        return found
    boundary = kind.partition("boundary=")[2].encode()
    form: dict[str, Any] = {}
    for part in content.split(b"--" + boundary)[1:-1]:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]+)"', head)
        assert name is not None
        form.setdefault(name[1].decode(), []).append(data.removesuffix(b"\r\n"))
    return form
