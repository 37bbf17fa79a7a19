"""Writes the table of British and American spellings that comes with the package, from breame's and our own pairs.

    python -m venv /tmp/spelling && /tmp/spelling/bin/pip install breame==0.1.2
    /tmp/spelling/bin/python tools/extract_spelling.py

breame (Apache-2.0) is no dependency of the package. Its table was made to look single words up; to rewrite a text
nobody reads again, a pair has to be safe wherever the word may stand. So what is below leaves out, makes one-way,
corrects and adds. The same version gives the same file to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

OUTPUT = Path(__file__).parents[1] / "src" / "dragoman" / "language" / "data" / "spelling-en.txt"

OTHER_WORDS = """
    airplane airplanes bevies bevy disk disks draftboard draftboards filet fileted fileting filets filter filters
    flutist flutists gage gaged gages gaging groin groins pouf poufs technicolor ton tons videodisk videodisks
"""
"""The British form is another word or thing: a philtre is a potion, a groyne a sea wall, a bevvy a drink."""
RIGHT_ON_BOTH_SIDES = """
    banister banisters binging bougainvillea bougainvilleas busses bussing drafts gasses gluing griffin griffins gypsies
    install installs likable minibusses misspelled pizzazz presidium presidiums prolog prologs sheik woolies
"""
"""Or wrong on the side where breame has it."""
OTHER_SENSES_IN_BRITISH = """
    draft draftsman draftsmanship draftsmen draftswoman draftswomen license licenses meter meters micrometer
    micrometers practice practices program programs rigor tire tires wagon wagons
"""
"""A computer program, a parking meter, to tire, to license: only the British form is respelt."""
BRITISH_AS_WELL = """
    almanac almanacs balk balked balking balks biased biasing chimera chimeras connection connections encyclopedia
    encyclopedias encyclopedic eon eons fetid gram grams centigram centigrams kilogram kilograms milligram milligrams
    homeopath homeopathic homeopaths homeopathy inflection inflections jailbird jailbirds jailbreak jailbreaks jailed
    jailer jailers jailing jails judgment licensed licensing medieval primeval siphon siphoned siphoning siphons yogurt
    yogurts
"""
"""The British form of breame is one of two, or was: gaol, kilogramme, mediaeval, syphon."""
AMERICAN_AS_WELL = """
    analog analogs analyzes ax battleax cancelation cancelations catalyzes dialog dialogs epilog epilogs esthete
    esthetes esthetic esthetically esthetics exorcize exorcized exorcizes exorcizing glamor monolog monologs paralyzes
    psychoanalyzes travelog travelogs wooly
"""
"""The British form is usual in American too, or another word there: an axe, two analyses. Only to British."""
LEFT_OUT = set((OTHER_WORDS + RIGHT_ON_BOTH_SIDES).split())
ONLY_TO_AMERICAN = set((OTHER_SENSES_IN_BRITISH + BRITISH_AS_WELL).split())
ONLY_TO_BRITISH = set(AMERICAN_AS_WELL.split())

CORRECTED = {
    "colorize": "colourise",
    "colorized": "colourised",
    "colorizes": "colourises",
    "colorizing": "colourising",
    "edema": "oedema",
    "pummel": None,
    "snowplow": "snowplough",
    "tranquility": "tranquillity",
    "tranquilize": "tranquillise",
    "tranquilized": "tranquillised",
    "tranquilizer": "tranquilliser",
    "tranquilizers": "tranquillisers",
    "tranquilizes": "tranquillises",
    "tranquilizing": "tranquillising",
    "anesthetize": "anaesthetise",
    "anesthetized": "anaesthetised",
    "anesthetizes": "anaesthetises",
    "anesthetizing": "anaesthetising",
    "yogurt": "yoghurt",
    "yogurts": "yoghurts",
}
"""What breame has wrong, or twice; ``None``: no pair."""

ADDED_WITH_S = """
    actualize actualized analyzable analyzer analyzers anonymize anonymized anonymizes anonymizing anonymization
    alphabetize alphabetized atomizer authorization authorizations brutalization cannibalization capitalization
    categorization centralization characterization characterizations civilization civilizations commercialization
    computerization conceptualization containerized criminalization customizable customization customizations
    deemphasize demonization departmentalize departmentalized depressurize depressurized digitalize digitalization
    digitization disorganize energizer federalize federalized homogenization
    hospitalizations hybridization hydrolyze hydrolyzed hydrolyzing immunizations incentivize incentivized
    incentivizes incentivizing industrialization initialization liberalizations localization magnetization metastasize
    metastasized mineralization minimization misrecognize misrecognized mischaracterize mischaracterized
    modernization monetize monetized monetizes monetizing monetization motorize nebulizer optimizer optimizers
    organizable oxidizer personalization plasticizer pluralize polarizer polymerization polymerize polymerized
    randomization reanalyze reanalyzed reauthorization reauthorize reauthorized recapitalization reemphasize
    regionalize revitalization sanitization sanitizer sanitizers securitization securitize securitized strategize
    strategized strategizing stylize stylized summarization tokenize tokenized tokenizer tokenization unamortized
    unappetizing underutilize unpressurized unrealized unsubsidized visualizer weaponize weaponized winterize
"""
ADDED = {
    "to British and to American": """
        apnea/apnoea carburetor/carburettor carburetors/carburettors celiac/coeliac centering/centring chilies/chillies
        colorblind/colourblind colorist/colourist colorists/colourists deciliter/decilitre deciliters/decilitres
        dyspnea/dyspnoea disfavored/disfavoured duelist/duellist enrollment/enrolment enrollments/enrolments
        equaled/equalled equaling/equalling esophageal/oesophageal estrogens/oestrogens flavorful/flavourful
        fueled/fuelled fueling/fuelling grayer/greyer grayest/greyest grayscale/greyscale
        gynecologic/gynaecologic harborside/harbourside hematoma/haematoma hemorrhagic/haemorrhagic
        hypoglycemia/hypoglycaemia hyperglycemia/hyperglycaemia ischemia/ischaemia ischemic/ischaemic labeler/labeller
        medalist/medallist medalists/medallists microliter/microlitre microliters/microlitres
        misbehaviors/misbehaviours mislabeled/mislabelled mollusk/mollusc mollusks/molluscs nanometer/nanometre
        nanometers/nanometres ocher/ochre pummeling/pummelling septicemia/septicaemia
        skillful/skilful skillfully/skilfully snowplows/snowploughs sulfite/sulphite sulfites/sulphites
        sulfuric/sulphuric totaled/totalled totaling/totalling unlabeled/unlabelled willful/wilful willfully/wilfully
    """,
    "only to American": """
        check/cheque checks/cheques curb/kerb curbs/kerbs curbside/kerbside jail/gaol judgmental/judgemental
        stories/storeys story/storey
    """,
}

PAIR = re.compile(r"[a-z]+")


def from_breame() -> dict[str, str]:
    """American → British."""
    if version("breame") != "0.1.2":
        raise SystemExit("another version of breame: look what its table has now")
    constants = import_module("breame.data.spelling_constants")
    american: Mapping[str, str] = constants.AMERICAN_ENGLISH_SPELLINGS
    british: Mapping[str, str] = constants.BRITISH_ENGLISH_SPELLINGS
    pairs = {spelling: other for other, spelling in british.items()} | dict(american)
    for spelling, corrected in CORRECTED.items():
        if corrected is None:
            del pairs[spelling]
        else:
            pairs[spelling] = corrected
    return {spelling: other for spelling, other in pairs.items() if spelling not in LEFT_OUT}


def added(listed: str) -> Iterator[tuple[str, str]]:
    for pair in listed.split():
        american, british = pair.split("/")
        yield american, british


def lines(pairs: Mapping[str, str], only_to_american: Iterable[str]) -> Iterator[str]:
    one_way = {*only_to_american, *ONLY_TO_AMERICAN}
    for american, british in sorted(pairs.items()):
        if not (PAIR.fullmatch(american) and PAIR.fullmatch(british)):
            raise SystemExit(f"not a pair: {american} {british}")
        sign = "<" if american in one_way else ">" if american in ONLY_TO_BRITISH else "="
        yield f"{american} {sign} {british}\n"


def main() -> None:
    pairs = from_breame()
    missing = (ONLY_TO_AMERICAN | ONLY_TO_BRITISH) - set(pairs)
    more = {spelling: re.sub(r"([iy])z", r"\1s", spelling) for spelling in ADDED_WITH_S.split()}
    more |= {spelling: other for listed in ADDED.values() for spelling, other in added(listed)}
    if twice := (set(pairs) & set(more)) | missing:
        raise SystemExit(f"said twice, or not there: {sorted(twice)}")
    pairs |= more
    OUTPUT.write_text("".join(lines(pairs, dict(added(ADDED["only to American"])))), encoding="utf-8")


if __name__ == "__main__":
    main()
