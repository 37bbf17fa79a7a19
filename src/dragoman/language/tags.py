"""Names of languages as clients write them → ISO 639-1, the only form used inside.

The codes are facts of ISO 639; the English names are the ones OpenAI's ``verbose_json`` uses, in lower case.
"""

from __future__ import annotations

import re
from typing import Final

_TAG = re.compile(r"(?P<language>[A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*")

_LANGUAGES: Final = """
aa aar afar | ab abk abkhazian | ae ave avestan | af afr afrikaans | ak aka akan | am amh amharic | an arg aragonese
ar ara arabic | as asm assamese | av ava avaric | ay aym aymara | az aze azerbaijani | ba bak bashkir
be bel belarusian | bg bul bulgarian | bi bis bislama | bm bam bambara | bn ben bengali | bo bod tibetan
br bre breton | bs bos bosnian | ca cat catalan | ce che chechen | ch cha chamorro | co cos corsican | cr cre cree
cs ces czech | cu chu church slavic | cv chv chuvash | cy cym welsh | da dan danish | de deu german | dv div maldivian
dz dzo dzongkha | ee ewe ewe | el ell greek | en eng english | eo epo esperanto | es spa spanish | et est estonian
eu eus basque | fa fas persian | ff ful fulah | fi fin finnish | fj fij fijian | fo fao faroese | fr fra french
fy fry western frisian | ga gle irish | gd gla scottish gaelic | gl glg galician | gn grn guarani | gu guj gujarati
gv glv manx | ha hau hausa | he heb hebrew | hi hin hindi | ho hmo hiri motu | hr hrv croatian
ht hat haitian creole | hu hun hungarian | hy hye armenian | hz her herero | ia ina interlingua | id ind indonesian
ie ile interlingue | ig ibo igbo | ii iii sichuan yi | ik ipk inupiaq | io ido ido | is isl icelandic | it ita italian
iu iku inuktitut | ja jpn japanese | jv jav javanese | ka kat georgian | kg kon kongo | ki kik kikuyu
kj kua kuanyama | kk kaz kazakh | kl kal kalaallisut | km khm khmer | kn kan kannada | ko kor korean | kr kau kanuri
ks kas kashmiri | ku kur kurdish | kv kom komi | kw cor cornish | ky kir kirghiz | la lat latin | lb ltz luxembourgish
lg lug ganda | li lim limburgish | ln lin lingala | lo lao lao | lt lit lithuanian | lu lub luba-katanga
lv lav latvian | mg mlg malagasy | mh mah marshallese | mi mri maori | mk mkd macedonian | ml mal malayalam
mn mon mongolian | mr mar marathi | ms msa malay | mt mlt maltese | my mya myanmar | na nau nauru
nb nob norwegian bokmal | nd nde north ndebele | ne nep nepali | ng ndo ndonga | nl nld dutch | nn nno nynorsk
no nor norwegian | nr nbl south ndebele | nv nav navajo | ny nya chichewa | oc oci occitan | oj oji ojibwa
om orm oromo | or ori oriya | os oss ossetian | pa pan punjabi | pi pli pali | pl pol polish | ps pus pashto
pt por portuguese | qu que quechua | rm roh romansh | rn run rundi | ro ron romanian | ru rus russian
rw kin kinyarwanda | sa san sanskrit | sc srd sardinian | sd snd sindhi | se sme northern sami | sg sag sango
sh hbs serbo-croatian | si sin sinhala | sk slk slovak | sl slv slovenian | sm smo samoan | sn sna shona
so som somali | sq sqi albanian | sr srp serbian | ss ssw swati | st sot southern sotho | su sun sundanese
sv swe swedish | sw swa swahili | ta tam tamil | te tel telugu | tg tgk tajik | th tha thai | ti tir tigrinya
tk tuk turkmen | tl tgl tagalog | tn tsn tswana | to ton tonga | tr tur turkish | ts tso tsonga | tt tat tatar
tw twi twi | ty tah tahitian | ug uig uighur | uk ukr ukrainian | ur urd urdu | uz uzb uzbek | ve ven venda
vi vie vietnamese | vo vol volapuk | wa wln walloon | wo wol wolof | xh xho xhosa | yi yid yiddish | yo yor yoruba
za zha zhuang | zh zho chinese | zu zul zulu
"""
"""ISO 639-1, ISO 639-3 (639-2/T) and English name of every language that has a two-letter code."""

_ALIASES: Final = """
alb sq | arm hy | baq eu | bur my | chi zh | cze cs | dut nl | fre fr | geo ka | ger de | gre el | ice is | mac mk
mao mi | may ms | per fa | rum ro | slo sk | tib bo | wel cy
als sq | arb ar | azj az | cmn zh | ekk et | fil tl | gug gn | khk mn | kmr ku | lvs lv | npi ne | ory or | pbu ps
pes fa | plt mg | prs fa | quz qu | swh sw | uzn uz | ydd yi | zsm ms
in id | iw he | ji yi | jw jv | mo ro
"""
"""Bibliographic codes of 639-2, the usual member of a macrolanguage, and codes that were withdrawn."""


def _entries(table: str) -> list[list[str]]:
    return [entry.strip().split(maxsplit=2) for entry in re.split(r"[|\n]", table) if entry.strip()]


_NAMES: Final = {two: name for two, _, name in _entries(_LANGUAGES)}
_CODES: Final = (
    {two: two for two in _NAMES}
    | {three: two for two, three, _ in _entries(_LANGUAGES)}
    | {other: two for other, two in _entries(_ALIASES)}
)


def iso_639_1(tag: str) -> str:
    """The two-letter code of ``en``, ``eng``, ``en-US``, ``ger`` or ``EN_gb``; subtags are not interpreted.

    Raises ``ValueError`` on what is not a language tag, or names a language that has no two-letter code.
    """
    match = _TAG.fullmatch(tag.strip())
    if match is None or (code := _CODES.get(match["language"].lower())) is None:
        raise ValueError("not a language of ISO 639-1 or ISO 639-3")
    return code


def english_name(code: str) -> str:
    """``english`` for ``en``; a code of another kind stays what it is."""
    return _NAMES.get(code, code)
