"""What answers say of themselves, as models say it, and what they say of the picture, which stays."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette")

from hemm.web.studio.blind import MARK, Blind

BLIND = Blind(["openai/gpt-4o-mini", "tiny", "org/mymodel@1"])


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("As GPT-4, I cannot see.", "GPT-4"),
        ("As Claude, an AI assistant made by Anthropic, I see two.", "Claude, Anthropic"),
        ("As Gemini I say two.", "Gemini"),
        ("I'm an AI model called Llama 3.", "Llama 3"),
        ("I am an AI assistant created by the Qwen team at Alibaba Cloud.", "Qwen, Alibaba Cloud"),
        ("I, Claude, see two.", "Claude"),
        ("I am mymodel.", "mymodel"),
        ("我是GPT-4，由OpenAI开发的语言模型。两只。", "GPT-4, OpenAI"),
        ("作为一个由OpenAI训练的人工智能助手，我看到两只猫。", "OpenAI"),
        ("我是通义千问，由阿里云开发。", "通义千问, 阿里云"),
        ("我叫文心一言，是百度研发的。", "文心一言, 百度"),
        ("我是由深度求索开发的DeepSeek。", "深度求索, DeepSeek"),
        ("Ich bin GPT-4, ein Sprachmodell von OpenAI. Zwei.", "GPT-4, OpenAI"),
        ("Als KI-Modell von Google kann ich das nicht.", "Google"),
        ("Als von OpenAI entwickeltes Sprachmodell sehe ich zwei.", "OpenAI"),
        ("Als Gemini sehe ich zwei.", "Gemini"),
        ("Ich wurde von Mistral AI entwickelt.", "Mistral AI"),
        ("Soy ChatGPT, un modelo de lenguaje desarrollado por OpenAI.", "ChatGPT, OpenAI"),
        ("Como modelo de lenguaje entrenado por Google, veo dos.", "Google"),
        ("Fui creado por Anthropic.", "Anthropic"),
        ("Je suis Claude, un assistant créé par Anthropic.", "Claude, Anthropic"),
        ("En tant que modèle de langage développé par OpenAI, je vois deux.", "OpenAI"),
        ("En tant que GPT-4, je vois deux.", "GPT-4"),
        ("私はGPT-4です。OpenAIによって開発されました。", "GPT-4, OpenAI"),
    ],
)
def test_who_an_answer_says_it_is_is_left_out(said: str, names: str) -> None:
    found = BLIND(said)
    assert ", ".join(found.told) == names
    assert found.text.count(MARK) == len(found.told)
    assert BLIND(said, masked=False).text == said


@pytest.mark.parametrize(
    "said",
    [
        "As an AI language model, I can say that the bird is an owl.",
        "As a language model, I see the Meta logo, an emu, and a palm tree beside a llama.",
        "I'm an assistant: step 1, open it; step 2, close it.",
        "I am a llama in this meme.",
        "I was shown a picture of the Falcon 9 rocket model.",
        "As the Microsoft logo shows, I see four squares.",
        "It was created by Google in 1998.",
        "Claude Monet painted it; I am sure.",
        "Ich bin sicher, dass der Assistent ein Google-Logo zeigt.",
        "Soy consciente de que el modelo lleva una bolsa de Amazon.",
        "图片里有谷歌的标志。",
        "The table says that GPT-4 has 86 %.",
    ],
)
def test_what_is_in_the_picture_stays(said: str) -> None:
    assert BLIND(said).told == ()
    assert BLIND(said).text == said
