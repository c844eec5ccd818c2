"""Word lists of dialects, frames of questions, and prompts in other languages."""

from __future__ import annotations

from collections.abc import Mapping

_AMERICAN_BRITISH = """
color colour|colors colours|colored coloured|colorful colourful|gray grey|grays greys|favorite favourite
flavor flavour|center centre|centers centres|theater theatre|fiber fibre|neighbor neighbour
neighbors neighbours|neighborhood neighbourhood|behavior behaviour|labor labour|harbor harbour|honor honour
organize organise|organized organised|recognize recognise|realize realise|analyze analyse|jewelry jewellery
airplane aeroplane|airplanes aeroplanes|truck lorry|trucks lorries|elevator>lift|apartment>flat
apartments>flats|soccer>football|cookie>biscuit|cookies>biscuits|diaper nappy|diapers nappies|faucet>tap
flashlight>torch|gasoline petrol|mom mum|moms mums|pants trousers|stove>cooker|trash rubbish|vacation>holiday
tires tyres|aluminum aluminium|mustache moustache|plow plough|pajamas pyjamas|skeptical sceptical
catalog catalogue|traveler traveller|travelers travellers|eggplant aubergine|eggplants aubergines
zucchini courgette|cilantro>coriander|parking_lot car_park|parking_lots car_parks|traffic_circle roundabout
math maths|windshield windscreen|mailbox>postbox|sidewalk>pavement|sidewalks>pavements|baby_carriage pram
"""
"""American, British; after > the way back is left out, since the British word has other meanings too."""

_SCOTS = """
small wee|little wee|child bairn|children bairns|boy laddie|boys laddies|girl lassie|girls lassies|know ken
knows kens|from fae|of o|to tae|do dae|does daes|church kirk|churches kirks|house hoose|houses hooses
mouse moose|town toun|down doon|out oot|about aboot|now noo|brown broon|cow coo|cows coos|head heid
heads heids|bread breid|dead deid|ear lug|ears lugs|eyes een|hand haun|hands hauns|cold cauld|old auld|own ain
stone stane|stones stanes|home hame|more mair|both baith
who wha|where whaur|what whit|how hoo|any ony|many mony|make mak
makes maks|take tak|takes taks|give gie|gives gies|have hae|has haes|good guid|school schuil|ball baw
balls baws|wall wa|walls waws|all aw|dirty clarty|dog dug|dogs dugs|potato tattie|potatoes tatties
world warld|water watter|night nicht|nights nichts|wrong wrang|with wi|lake loch|lakes lochs|hill brae
hills braes|beautiful bonnie|trousers breeks|one ane|two twa
"""


def _pairs(text: str, back: bool = False) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in (pair for line in text.split("\n") for pair in line.split("|") if pair):
        one, other = pair.replace(">", " ").split()
        if back and ">" not in pair:
            pairs[other.replace("_", " ")] = one.replace("_", " ")
        elif not back:
            pairs[one.replace("_", " ")] = other.replace("_", " ")
    return pairs


DIALECTS: Mapping[str, Mapping[str, str]] = {
    "british": _pairs(_AMERICAN_BRITISH),
    "american": _pairs(_AMERICAN_BRITISH, back=True),
    "scots": _pairs(_SCOTS),
}
"""Dialect -> word of the text -> word of the dialect, in lower case."""

FRAMES = (
    "Please answer this question: {question}",
    "I would like to know the following. {question}",
    "{question} Tell me, please.",
    'Here is a question for you: "{question}" What is the answer to it?',
    "Could you help me with something? {question} Thank you.",
)
"""Other ways to put the same question; the levels 1 to 5 of paraphrase are these, and no degrees."""


class Language:
    """A prompt's sentences in one language.

    question  frame of the question
    letter, labels, yes_no, number, word   the instruction for each form of answer. What an answer has to be
              (the options, the two words, the language of a short answer) stays what it was
    """

    def __init__(self, question: str, letter: str, labels: str, yes_no: str, number: str, word: str) -> None:
        self.question = question
        self.by_form = {
            "letter": letter, "labels": labels, "yes_no": yes_no, "number": number, "word": word,
        }  # fmt: skip


LANGUAGES: Mapping[str, Language] = {
    "de": Language(
        "Beantworte diese Frage: {question}",
        "Antworte nur mit dem Buchstaben der richtigen Option.",
        "Antworte mit genau einer dieser Möglichkeiten und nichts anderem: {{ labels }}.",
        "Antworte mit einem Wort: {yes} oder {no}.",
        "Antworte nur mit einer Zahl.",
        "Antworte mit einem Wort oder wenigen Wörtern, in der Sprache der Frage selbst.",
    ),
    "fr": Language(
        "Réponds à cette question : {question}",
        "Réponds seulement par la lettre de la bonne option.",
        "Réponds par exactement une de ces possibilités et rien d'autre : {{ labels }}.",
        "Réponds par un seul mot : {yes} ou {no}.",
        "Réponds seulement par un nombre.",
        "Réponds par un mot ou une courte expression, dans la langue de la question elle-même.",
    ),
    "es": Language(
        "Responde a esta pregunta: {question}",
        "Responde solo con la letra de la opción correcta.",
        "Responde con exactamente una de estas opciones y nada más: {{ labels }}.",
        "Responde con una sola palabra: {yes} o {no}.",
        "Responde solo con un número.",
        "Responde con una palabra o una expresión corta, en el idioma de la propia pregunta.",
    ),
    "pt": Language(
        "Responda a esta pergunta: {question}",
        "Responda apenas com a letra da opção correta.",
        "Responda com exatamente uma destas opções e nada mais: {{ labels }}.",
        "Responda com uma só palavra: {yes} ou {no}.",
        "Responda apenas com um número.",
        "Responda com uma palavra ou uma expressão curta, na língua da própria pergunta.",
    ),
    "it": Language(
        "Rispondi a questa domanda: {question}",
        "Rispondi solo con la lettera dell'opzione corretta.",
        "Rispondi con esattamente una di queste possibilità e nient'altro: {{ labels }}.",
        "Rispondi con una sola parola: {yes} o {no}.",
        "Rispondi solo con un numero.",
        "Rispondi con una parola o una breve espressione, nella lingua della domanda stessa.",
    ),
    "zh": Language(
        "请回答这个问题:{question}",
        "只回答正确选项的字母。",
        "只回答以下选项之一,不要回答其他内容:{{ labels }}。",
        "只用一个词回答:{yes} 或 {no}。",
        "只回答一个数字。",
        "用一个词或短语回答,使用问题本身的语言。",
    ),
    "ja": Language(
        "次の質問に答えてください:{question}",
        "正しい選択肢の文字だけを答えてください。",
        "次のうち一つだけをそのまま答えてください:{{ labels }}。",
        "一語で答えてください:{yes} または {no}。",
        "数字だけを答えてください。",
        "質問と同じ言語で、一語または短い語句で答えてください。",
    ),
    "ru": Language(
        "Ответь на этот вопрос: {question}",
        "Ответь только буквой правильного варианта.",
        "Ответь ровно одним из этих вариантов и ничем больше: {{ labels }}.",
        "Ответь одним словом: {yes} или {no}.",
        "Ответь только числом.",
        "Ответь одним словом или коротким выражением на языке самого вопроса.",
    ),
}
"""Code of a language -> its sentences."""
