"""The words by which answers are marked, concluded, denied and listed, in the languages of the yes/no table.

Each entry is a regular expression without groups. ``docs/answers.md`` shows the table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One language.

    answer     what names an answer (``answer``, ``Antwort``); ``copula`` links it to what it is
    therefore  what opens a conclusion
    option     what stands before a letter (``option B``)
    right      says of an option that it is the answer; ``wrong`` that it is not
    negation   denies its clause
    either     stands between alternatives
    """

    answer: str
    copula: str
    therefore: str
    option: str
    right: str
    wrong: str
    negation: str
    either: str


LANGUAGES: dict[str, Words] = {
    "English": Words(
        r"answers?|ans|response",
        r"is|are|was|must be|should be|would be|will be|seems to be|appears to be|has to be|becomes",
        r"therefore|thus|hence|so|consequently|accordingly|in conclusion|to conclude|conclusion|overall"
        r"|in summary|to sum up|finally|as a result|ultimately|this means|that means|we get|we conclude",
        r"options?|choices?|letters?|alternatives?|answers?|answer choices?",
        r"correct|right|best|true|final|chosen|selected|appropriate|suitable|proper|matching|most likely",
        r"wrong|incorrect|false|ruled out|rules? out|excluded?|eliminated?|discarded?|invalid|implausible",
        r"not|no|never|neither|nor|without|cannot|can not|unlikely|unclear|unsure|except|nothing|none|hardly"
        r"|\w{1,8}n['’]t",
        r"or|and|to|through|versus|vs",
    ),
    "German": Words(
        r"antwort|lösung", r"ist|lautet|wäre|muss", r"also|daher|somit|folglich|deshalb|demnach|deswegen",
        r"option|antwort|buchstabe|auswahl", r"richtige?|korrekte?|endgültige", r"falsch\w*|inkorrekt\w*",
        r"nicht|kein\w*|weder|ohne", r"oder|und|bis"),
    "French": Words(
        r"réponse|reponse", r"est|serait", r"donc|ainsi|par conséquent|en conclusion|finalement"
        r"|c'est pourquoi",
        r"option|choix|lettre|réponse", r"correcte?|bonne?|juste|exacte?", r"incorrecte?|fausse?|mauvaise?"
        r"|faux",
        r"pas|sans|aucune?|n['’]est", r"ou|et|à"),
    "Spanish": Words(
        r"respuesta|solución", r"es|sería", r"por lo tanto|por tanto|entonces|así que|luego|en conclusión",
        r"opción|letra|alternativa|respuesta", r"correct[ao]|final|adecuad[ao]", r"incorrect[ao]|fals[ao]"
        r"|equivocad[ao]",
        r"no|nunca|ningun[ao]", r"o|u|y|a"),
    "Italian": Words(
        r"risposta|soluzione", r"è|e'|sarebbe", r"quindi|dunque|pertanto|perciò|in conclusione",
        r"opzione|lettera|risposta|scelta", r"corrett[ao]|giust[ao]|esatt[ao]", r"sbagliat[ao]|errat[ao]"
        r"|scorrett[ao]",
        r"non|né|senza|nessuna?", r"o|oppure|e"),
    "Portuguese": Words(
        r"resposta|solução", r"é|seria", r"portanto|logo|assim|então|por isso|em conclusão",
        r"opção|alternativa|letra|resposta", r"corret[ao]|cert[ao]", r"incorret[ao]|errad[ao]",
        r"não|nem|sem|nenhuma?", r"ou|e"),
    "Dutch": Words(
        r"antwoord|oplossing", r"is|luidt", r"dus|daarom|derhalve|bijgevolg|concluderend",
        r"optie|keuze|letter|antwoord", r"juiste?|correcte?|goede?", r"onjuist\w*|foute?|verkeerd\w*"
        r"|incorrect\w*",
        r"niet|geen|noch|zonder", r"of|en"),
    "Nordic": Words(
        r"svar(?:et)?|vastaus|løsning(?:en)?", r"är|er|on|blir|bliver", r"därför|alltså|derfor|altså|siksi"
        r"|joten|således",
        r"alternativ(?:et)?|valg(?:et)?|val(?:et)?|mulighed(?:en)?|vaihtoehto|bokstav(?:en)?",
        r"rätta?|riktige?t?|rigtige?t?|korrekta?|oikea|oikein", r"fel|feil|forkert|väärin|väärä|galt",
        r"inte|ikke|ej|ei|ingen|inget", r"eller|och|og|tai|ja"),
    "Polish": Words(
        r"odpowiedź|odpowiedz|odpowiedzią", r"to|jest|brzmi", r"więc|zatem|dlatego|w związku z tym"
        r"|podsumowując",
        r"opcja|opcję|opcji|litera|odpowiedź", r"poprawn[aąy]|prawidłow[aąy]|właściw[aąy]",
        r"błędn[aąy]|niepoprawn[aąy]|nieprawidłow[aąy]", r"nie|ani|żaden|żadna", r"lub|albo|i"),
    "Czech": Words(
        r"odpověď|odpovědí|řešení", r"je|zní|by byla", r"proto|tedy|takže|závěrem",
        r"možnost|možností|volba|písmeno|odpověď", r"správn[áěýé]|správnou", r"špatn[áěýé]|nesprávn[áěýé]"
        r"|chybn[áěýé]",
        r"není|ne|ani|žádná", r"nebo|či|a"),
    "Russian": Words(
        r"ответ(?:ом)?|решение", r"это|будет|является|—|–|-", r"поэтому|следовательно|значит|таким образом"
        r"|итак|отсюда",
        r"вариант(?:ом)?|буква|пункт|ответ", r"верн\w+|правильн\w+|окончательн\w+", r"неверн\w+"
        r"|неправильн\w+|ошибочн\w+",
        r"не|нет|ни|без", r"или|и"),
    "Ukrainian": Words(
        r"відповідь|відповіддю", r"це|буде|є|—|–|-", r"отже|тому|таким чином|відтак",
        r"варіант(?:ом)?|літера|відповідь", r"правильн\w+|вірн\w+", r"неправильн\w+|невірн\w+|хибн\w+",
        r"не|ні|без", r"або|чи|та"),
    "Turkish": Words(
        r"cevap|cevabı|yanıt|yanıtı", r"şudur|olarak", r"bu nedenle|dolayısıyla|öyleyse|bu yüzden"
        r"|sonuç olarak",
        r"seçenek|seçeneği|şık|şıkkı", r"doğru(?:dur)?", r"yanlış(?:tır)?|hatalı",
        r"değil(?:dir)?|hiçbiri", r"veya|ya da|ve"),
    "Hungarian": Words(
        r"válasz(?:om)?|megoldás", r"ez", r"tehát|ezért|így|összefoglalva",
        r"opció|lehetőség|betű|válasz", r"helyes", r"helytelen|hibás|rossz", r"nem|sem|egyik sem", r"vagy"
        r"|és"),
    "Romanian": Words(
        r"răspuns(?:ul)?|raspuns(?:ul)?", r"este|e|ar fi", r"deci|prin urmare|așadar|astfel",
        r"opțiunea|varianta|litera|răspunsul", r"corect[ăe]?", r"greșit[ăe]?|incorect[ăe]?|fals[ăe]?",
        r"nu|nici|fără", r"sau|și"),
    "Greek": Words(
        r"απάντηση|απάντησή", r"είναι", r"άρα|επομένως|συνεπώς|οπότε", r"επιλογή|γράμμα|απάντηση",
        r"σωστ\w+|ορθ\w+", r"λάθος|λανθασμέν\w+", r"δεν|όχι|μη|ούτε", r"ή|και"),
    "Chinese": Words(
        r"答案|选项|選項|回答|答",
        r"应该是|應該是|应为|應為|是|为|為|选|選",
        r"所以|因此|故|综上所述|綜上所述|综上|因而|由此|总之",
        r"选项|選項|答案|选择|選擇|选|選",
        r"正确|正確|最终|最終|最佳",
        r"错误|錯誤|不正确|不正確|不对|不對|排除|错",
        r"不|没|沒|无法|無法|非", r"或者?|和|与|及|到|至"),
    "Japanese": Words(
        r"答え|解答|正解|回答", r"は|が", r"したがって|従って|よって|だから|ゆえに|そのため|つまり",
        r"選択肢|答え", r"正しい|最終的な|適切な", r"間違い|間違って|誤り|不正解|不適切",
        r"ない|ません|ではなく", r"または|もしくは|か|と|や"),
    "Korean": Words(
        r"정답|답변|답", r"은|는|이|가", r"따라서|그러므로|그래서|결론적으로", r"선택지|보기|옵션|선택|정답",
        r"올바른|맞는|최종", r"틀리|틀렸|틀린|오답|잘못", r"아니|아닙|아닌|없", r"또는|혹은|이나|나|와|과"),
    "Arabic": Words(
        r"الجواب|الإجابة|الاجابة|إجابة|جواب", r"هو|هي", r"لذلك|لذا|إذن|وبالتالي|بالتالي", r"الخيار|خيار"
        r"|الحرف|الإجابة",
        r"الصحيحة?|صحيحة?|النهائية", r"خطأ|خاطئة?|غير صحيحة?", r"ليست?|لا|لم|غير", r"أو|و"),
    "Hebrew": Words(
        r"התשובה|תשובה", r"היא|הוא", r"לכן|ולכן|אם כן|מכאן", r"אפשרות|האפשרות|אות|תשובה", r"הנכונה|נכונה"
        r"|נכון",
        r"שגויה|שגוי|לא נכונה|לא נכון", r"לא|אינה|אינו|אין", r"או|ו"),
    "Hindi": Words(
        r"उत्तर|जवाब", r"है|होगा", r"इसलिए|अतः|अत:|इस प्रकार", r"विकल्प|उत्तर", r"सही", r"गलत|ग़लत", r"नहीं"
        r"|ना", r"या|और"),
    "Bengali": Words(
        r"উত্তর", r"হলো|হল|হবে", r"তাই|সুতরাং|অতএব", r"বিকল্প|উত্তর", r"সঠিক", r"ভুল", r"নয়|নয়|না"
        r"|নেই", r"বা|অথবা|এবং"),
    "Vietnamese": Words(
        r"câu trả lời|đáp án|trả lời", r"là", r"do đó|vì vậy|vậy|vì thế|kết luận", r"phương án|lựa chọn"
        r"|đáp án",
        r"đúng|chính xác", r"sai", r"không|chẳng|chưa", r"hoặc|hay|và"),
    "Indonesian": Words(
        r"jawaban(?:nya)?", r"adalah|ialah|yaitu", r"jadi|oleh karena itu|maka|dengan demikian", r"pilihan"
        r"|opsi|jawaban",
        r"yang benar|benar|tepat", r"salah", r"tidak|bukan|tanpa", r"atau|dan"),
    "Thai": Words(
        r"คำตอบ", r"คือ|เป็น", r"ดังนั้น|เพราะฉะนั้น|สรุป", r"ตัวเลือก|ข้อ|คำตอบ", r"ที่ถูกต้อง|ถูกต้อง"
        r"|ถูก", r"ผิด", r"ไม่", r"หรือ|และ"),
    "Persian": Words(
        r"پاسخ|جواب", r"است|برابر", r"بنابراین|پس|در نتیجه", r"گزینه|گزینه‌ی", r"صحیح|درست|نهایی", r"نادرست"
        r"|غلط|اشتباه",
        r"نیست|نه|نمی", r"یا|و"),
    "Swahili": Words(
        r"jibu|jawabu", r"ni", r"kwa hiyo|kwa hivyo|hivyo basi|hivyo", r"chaguo|herufi|jibu", r"sahihi"
        r"|halisi", r"makosa|kosa|mbaya",
        r"si sahihi|si kweli|si la|si ya|sio|siyo|hapana", r"au|na"),
}  # fmt: skip
"""Language (as in ``yes_no_words.WORDS``) -> its words."""

UNSPACED = ("Chinese", "Japanese", "Korean", "Thai")
"""Languages whose words stand beside others without a blank."""


def any_of(field: str, *, without: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> str:
    """The words of one field in all languages as one expression, the longest words first.

    Words of scripts with blanks match whole words alone.
    """
    spaced: set[str] = set()
    unspaced: set[str] = set()
    for name, words in LANGUAGES.items():
        if name in without or (only and name not in only):
            continue
        (unspaced if name in UNSPACED else spaced).update(getattr(words, field).split("|"))
    parts = []
    if spaced:
        ordered = "|".join(sorted(spaced, key=len, reverse=True))
        parts.append(
            rf"(?<![^\W\u3040-\u30ff\u3400-\u9fff])(?:{ordered})(?![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
        )
    if unspaced:
        parts.append("|".join(sorted(unspaced, key=len, reverse=True)))
    return "(?:" + "|".join(parts) + ")"
