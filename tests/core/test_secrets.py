"""Secrets are removed by value, place and shape; texts that only speak of keys and tokens stay."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import digest, redact
from hemm.core.secrets import hide, holds_secret, secret_values

SECRETS = [
    "sk-proj-abcdefghijklmnop1234",
    "sk-ant-api03-Zk3_9fQ2mXw81LpVt-yR7c5NbE0aHgD4uJiKoS6T",
    "sk-or-v1-0f9e8d7c6b5a49382716f5e4d3c2b1a0",
    "hf_abcdefghijklmnopqrstuvwx",
    "AIzaSyA-abcdefghijklmnopqrstu",
    "gsk_abcdefghijklmnop1234",
    "xai-abcdefghijklmnop1234",
    "pplx-3f9a1c77de0b4582a6e14f0c9b8d7a65",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "AKIAIOSFODNN7ABCDEFG",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "line",
    [
        "401 for key {}",
        "Incorrect API key provided: {}. You can find your API key at https://platform.openai.com/keys.",
        "Authorization: Bearer {}",
        "https://user:{}@host/v1",
        "https://{}@host/v1",
        '{{"api_key": "{}"}}',
        "token={}",
        "Client error '401 Unauthorized' for url 'https://g.org/v1beta/models/m:generateContent?key={}'",
    ],
)
def test_keys_never_show(secret: str, line: str) -> None:
    assert secret not in redact(line.format(secret))


AZURE = "4f0c9b8d7a653f9a1c77de0b4582a6e1"
"""A key without a prefix: only its place tells that it is one."""


@pytest.mark.parametrize(
    "line",
    [
        "api-key: {}",
        "{{'api-key': '{}', 'accept': '*/*'}}",
        "x-api-key: {}",
        "Headers({{'x-goog-api-key': '{}'}})",
        "Ocp-Apim-Subscription-Key: {}",
        "OPENAI_API_KEY={}",
        "--set api_key={}",
        "ValidationError: api_key: {} is no key",
        "azure_openai(api_key='{}')",
        'config is "{{\\"api_key\\": \\"{}\\"}}"',
        "?api_key={}&n=1",
        "&key={}",
        "https://bucket.s3.org/file?x=1&X-Amz-Signature={}",
        "aws_secret_access_key = {}",
        "access_token={}",
        '"token": "{}"',
        "authorization: {}",
        "'authorization': 'Bearer {}'",
        "Proxy-Authorization: Basic {}",
        "Bearer {}",
    ],
)
def test_a_key_without_a_shape_is_known_by_its_place(line: str) -> None:
    shown = redact(line.format(AZURE))
    assert AZURE not in shown
    assert "[secret]" in shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("http://alice:pw@127.0.0.1:8000/v1", "http://[secret]@127.0.0.1:8000/v1"),
        ("http://alice:p@ss@127.0.0.1:8000/v1", "http://[secret]@127.0.0.1:8000/v1"),
        ("http://me@lab.org:p@ss@127.0.0.1:8000/v1", "http://[secret]@127.0.0.1:8000/v1"),
        ("http://me@lab.org:pw@[::1]:8000/v1", "http://[secret]@[::1]:8000/v1"),
        ("http://alice:pa/ss#w?rd@host:8000/v1", "http://[secret]@host:8000/v1"),
        ("https://f.net/api/run?code=aB3xY7Qw9LmN2p&x=1", "https://f.net/api/run?code=[secret]&x=1"),
        ("/v1?a=1&subscription-key=abcdef&b=2", "/v1?a=1&subscription-key=[secret]&b=2"),
        ("/blob?sv=2024&sig=abc%2Fdef%3D;se=2025", "/blob?sv=2024&sig=[secret];se=2025"),
        ("x-functions-key: opensesame", "x-functions-key: [secret]"),
        ("password=hunter2&x=1", "password=[secret]&x=1"),
        ("{'password': 'hunter2'}", "{'password': '[secret]'}"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [secret]"),
        ("sent Basic dXNlcjpwYXNz", "sent Basic [secret]"),
        ("Authorization: Bearer opensesame", "Authorization: Bearer [secret]"),
        ("api_key=opensesame", "api_key=[secret]"),
    ],
)
def test_what_is_removed_and_what_stays_beside_it(line: str, shown: str) -> None:
    assert redact(line) == shown


PICTURE = base64.b64encode(bytes(range(256)) * 40).decode()

ORDINARY = [
    "a red bicycle, 3 tokens: a, b",
    "picture 0012.png does not open",
    "./skin_cancer_mnist_ham10000",
    "hub:marmal88/skin_cancer",
    "token: the answer",
    "The secret: nobody lives there.",
    "password: required field on a login screen",
    "Which key opens the door? key: c4, key = F sharp minor",
    "Enter your password: forgot it? Reset token sent by mail.",
    "secret=ingredient of the soup",
    "max_new_tokens=512, eos_token=</s>, pad_token=<|endoftext|>, token=hello",
    'logprobs {"token": "Hello", "logprob": -0.25}',
    "ValidationError: api_key: Field required",
    "The api_key client option must be set, api_key=None",
    "Incorrect API key provided: sk-VKMIs*****************wjh3. You can find your API key at https://x.org.",
    "Authorization: the header is missing",
    "Authorization: Bearer token is missing",
    'WWW-Authenticate: Bearer realm="hub", error="invalid_token"',
    "the bearer carries a flag; a bearer of news",
    "basic geometry, Basic understanding of anatomy, basic resnet50 features",
    "hf/HuggingFaceTB/SmolVLM-256M-Instruct",
    "hf_internal_testing/tiny-random-llava",
    "hf_hub_download failed for sk-learn-compatible-datasets-for-vision",
    "sk-learn-iris-classifier-trained-2024",
    "openai/gpt-5.6-luna-2026-04-14, anthropic/claude-sonnet-4-5-20250929",
    "xai-explainability-of-decisions and pk_primary_key_of_the_table",
    "key_frames_of_a_video-0001.png key-value-store-with-many-parts",
    "risk-assessment-2024-report, desk-lamp-with-wooden-base, task-1234567890123456",
    "git+ssh://git@github.com/org/name.git and s3://bucket@eu/path",
    "https://example.org:8080/a?b=c@d&page=2 or http://127.0.0.1:8000/v1#m",
    "/data/tokens/passwords/keys/0001.png",
    "C:\\Users\\ada\\token store\\key.txt",
    f"data:image/png;base64,{PICTURE}",
    f"pack {digest('x', 64)} token {digest('y', 12)}",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "CC(=O)Oc1ccccc1C(=O)O [NH3+]CC([O-])=O",
    "Q: What is the password? A: swordfish",
    "Read the {{ token }} and answer {{ key }}: {{ choices }}",
    "authorization code: ask the author",
    "x-ray token: left, x-api-keys are explained below",
    "https://example.org/errors?code=404 and https://example.org/errors?code=not_found&page=2",
    "http://[::1]:8000/v1/models/a@b and http://127.0.0.1:8000/mail@example.org",
    "key-1234, token_42, secret-santa-2024.png, passwords.txt, api_keys.md, key.pem",
    "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo= is an id, and so is dQw4w9WgXcQ",
    "id AKIba3xY7Qw9LmN2p, sample sk_12, run hf-2024-11-05T10:00:00",
    f"sha256:{digest('z', 64)}, commit 4f0c9b8d7a653f9a1c77de0b4582a6e1a0b1c2d3, md5 {digest('m', 32)}",
    "The key of C major. Keys: A, B. A token of thanks. Tokens: 12. Secrets of the sea. Sign the code.",
    "a.keys() token.strip() secret[0] password is None",
]

PLACEHOLDERS = {
    "HEMM_API_KEY": "EMPTY",
    "OPENAI_API_KEY": "lm-studio",
    "ANTHROPIC_API_KEY": "not-needed",
    "LAB_TOKEN": "placeholder",
    "DB_PASSWORD": "password",
    "A_KEY": "butterfly",
    "B_KEY": "red panda",
}
"""What people put where a key is asked for: words."""

WORDS = "EMPTY lm-studio is not-needed: a placeholder for the password of a butterfly or red panda"


def test_words_stay_in_what_data_and_models_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PLACEHOLDERS.items():
        monkeypatch.setenv(name, value)
    for text in (WORDS, *ORDINARY):
        assert hide(text) == text
    assert redact(WORDS).startswith("EMPTY lm-studio is not-needed: a placeholder for the password")
    assert redact("butterflyfish, butterfly_1.png") == "butterflyfish, butterfly_1.png"


def test_a_known_value_is_hidden_in_what_data_and_models_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_API_KEY", "Zk3A9fQ2mXw81LpV")
    monkeypatch.setenv("LAB_PROXY", "http://me@lab.org:pr0xy@P4ss@proxy:3128")
    assert hide("it is Zk3A9fQ2mXw81LpV, and pr0xy@P4ss") == "it is [secret], and [secret]"
    assert hide("sk-proj-abcdefghijklmnop1234 is somebody else's") == (
        "sk-proj-abcdefghijklmnop1234 is somebody else's"
    )


@pytest.mark.parametrize("cut", ["{}", "{}... more", "{}… more", "it is {}", "key {}...", '"{}…'])
def test_what_a_cut_leaves_of_a_known_value_is_removed(monkeypatch: pytest.MonkeyPatch, cut: str) -> None:
    value = "Zk3A9fQ2mXw81LpVtTyR7c5NbE0aHgD4"
    monkeypatch.setenv("LAB_API_KEY", value)
    for left in (8, 16, 31):
        assert value[:8] not in redact(cut.format(value[:left]))
    assert value[-8:] not in redact(f"...{value[-20:]} was sent")
    assert value[-8:] not in redact(f"{value[-20:]} was sent")
    assert redact("Zk3A9fQ is short") == "Zk3A9fQ is short"


@pytest.mark.parametrize("text", ORDINARY)
def test_a_text_that_only_speaks_of_secrets_stays(text: str) -> None:
    assert redact(text) == text


def test_the_keys_in_the_environment_are_removed_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "opensesame/friend")
    monkeypatch.setenv("SSL_KEY_FILE", "/etc/ssl/private.pem")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "disabled")
    monkeypatch.setenv("HEMM_API_KEY", "EMPTY")
    line = "the key opensesame/friend (opensesame%2Ffriend) is wrong"
    assert redact(line) == "the key [secret] ([secret]) is wrong"
    for text in ("/etc/ssl/private.pem is not there", "parallelism is disabled", "EMPTY answer"):
        assert redact(text) == text


def test_a_variable_holds_a_key_by_its_name() -> None:
    assert all(map(holds_secret, ("MY_KEY", "KAGGLE_KEY", "HF_TOKEN", "DB_PASSWORD", "openai_api_key_2")))
    assert not any(map(holds_secret, ("MONKEY", "TOKENIZERS_PARALLELISM", "KEYBOARD", "SSL_KEY_FILE")))
    assert secret_values({"A_TOKEN": " tangerine ", "B_TOKEN": "short", "C_KEY": "~/.ssh/id"}) == (
        "tangerine",
    )


def test_a_known_secret_is_removed_wherever_it_stands() -> None:
    assert redact("so it is opensesame! opensesame", ("opensesame",)) == "so it is [secret]! [secret]"
    assert redact("abc", ("abc",)) == "abc"  # too short to be one: it would tear up words
    assert redact("tiny is tiny-llava or tinyhouse", ("tiny",)) == "[secret] is [secret]-llava or tinyhouse"


NAMES = ["api_key", "token", "password", "authorization", "bearer ", "basic ", "?key=", "sk-", "hf_", "eyJ"]
SIGNS = ["=", ": ", '"', "'", "https://", "@", ".", " ", "{", "&", "\\"]
VALUES = ["[secret]", "a:b", "host", "abcDEF123456abcdef", "none"]
PIECES = st.lists(st.sampled_from([*NAMES, *SIGNS, *VALUES]), max_size=12).map("".join)


@given(st.one_of(st.text(), PIECES))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)
