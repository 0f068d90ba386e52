//! Words that streets, flats, boxes and countries are written with, in lower case.

use super::words::{Words, words};

/// Street types after the name that hardly ever mean anything else after "number Name".
pub(super) static TYPES: Words = words!(
    "street, st, road, rd, avenue, ave, av, lane, ln, boulevard, blvd, terrace, crescent, cres, \
     highway, hwy, parkway, pkwy, mews, turnpike, expressway, freeway, driveway, bypass, \
     esplanade"
);

/// Street types that are ordinary words too: they need something else that tells.
pub(super) static ORDINARY_TYPES: Words = words!(
    "drive, dr, court, ct, place, pl, square, sq, way, ter, close, cl, circle, cir, row, walk, \
     quay, rise, view, green, trail, trl, loop, alley, plaza, path, wharf, hill, park, gardens, \
     gdns, grove, cross, gate, point, ridge, run, pass, bridge, heights, mall, yard, parade, pde, \
     fields, meadow, meadows, common, broadway, embankment, strand, croft, vale, dale, mount, \
     brow, bank, drove, end, glen, hollow, landing, orchard, spur, crossing, bend, cove, creek, \
     island, house, circus, arcade"
);

/// Directions that may follow a street's type.
pub(super) static DIRECTIONS: Words = words!(
    "n, s, e, w, ne, nw, se, sw, north, south, east, west, northeast, northwest, southeast, \
     southwest"
);

/// Street types before the name.
pub(super) static PREFIXES: Words = words!(
    "rue, chemin, allée, allee, impasse, route, quai, cours, passage, ruelle, faubourg, bd, \
     boulevard, avenue, place, square, via, viale, piazza, corso, vicolo, strada, largo, \
     piazzale, lungomare, calle, c, cl, avda, avenida, av, paseo, plaza, carrer, carrera, camino, \
     ronda, travesía, glorieta, rúa, rua, travessa, praça, alameda, estrada, rodovia, beco, ul, \
     ulica, aleja, al, aleje, plac, os, str, bulevardul, piața, jalan, residencia, rambla, \
     pasaje, urbanización, contrada, località, calçada"
);

/// Prefixes that are English words too: before a name they need something else that tells.
pub(super) static ORDINARY_PREFIXES: Words = words!(
    "route, place, square, passage, avenue, boulevard, plaza, largo, c, cl, al, os, av, via, str, \
     bd"
);

/// What a street's name written in one word ends with, before its number.
pub(super) const ENDINGS: &str = "straße strasse str gasse weg platz allee damm ufer steig pfad straat laan plein gracht kade \
     singel dreef gatan vägen gränd torget gata gate gaten veien vegen vei vej gade stræde katu \
     tie kuja polku tänav gatu vegur vegi stigur braut stien allé bakken plads plass strasze \
     rinne penger hof kai ring berg graben";

/// Endings that end other words too: they need something else that tells.
pub(super) static ORDINARY_ENDINGS: Words = words!(
    "tie, gate, ring, berg, hof, kai, rinne, penger, vei, str, gata, braut, graben, singel, \
     bakken"
);

/// Street types that are words of their own before the number.
pub(super) static WORDS_BEFORE_NUMBER: Words = words!(
    "straße, strasse, str, gasse, weg, platz, allee, damm, ufer, straat, laan, plein, gatan, väg, \
     vägen, gate, gata, vej, gade, katu, tie, utca, u, út, útja, tér, tere, körút, ulica, ulice, \
     cesta, námestie, náměstí, trg, sokak, caddesi, tee, mnt, tn, pst, plads, alle, allé"
);

/// Words before the number of a part of a building.
pub(super) static UNITS: Words = words!(
    "suite, ste, apt, apartment, unit, flat, floor, fl, room, rm, appt, app, wohnung, lgh, piso, \
     puerta, apto, interno, scala, bâtiment, bat, lot, building, bldg, shop, studio, stock, \
     bloco, #"
);

/// Small words inside names of streets and towns.
pub(super) static CONNECTORS: Words = words!(
    "de, la, le, les, du, des, del, della, delle, dei, degli, dello, di, da, do, dos, das, el, \
     los, las, y, e, et, of, the, am, an, der, den, dem, van, von, zu, zur, zum, im, in, op, aan, \
     ter, upon, on, sur, sous, en, aux, à, und, nad, pod, v, z, u, w, and, l, d, i, na, bei, ob, \
     a"
);

/// Countries, by the names that addresses use.
pub(super) static COUNTRIES: Words = words!(
    "afghanistan, albania, algeria, andorra, angola, argentina, armenia, australia, austria, \
     azerbaijan, bahamas, bahrain, bangladesh, barbados, belarus, belgium, belize, benin, bhutan, \
     bolivia, bosnia and herzegovina, botswana, brazil, brunei, bulgaria, burkina faso, burundi, \
     cambodia, cameroon, canada, cape verde, chad, chile, china, colombia, comoros, congo, costa \
     rica, croatia, cuba, cyprus, czech republic, czechia, denmark, djibouti, dominica, dominican \
     republic, east timor, ecuador, egypt, el salvador, england, eritrea, estonia, eswatini, \
     ethiopia, fiji, finland, france, gabon, gambia, georgia, germany, ghana, greece, greenland, \
     grenada, guatemala, guinea, guyana, haiti, honduras, hungary, iceland, india, indonesia, \
     iran, iraq, ireland, israel, italy, ivory coast, jamaica, japan, jordan, kazakhstan, kenya, \
     kiribati, kosovo, kuwait, kyrgyzstan, laos, latvia, lebanon, lesotho, liberia, libya, \
     liechtenstein, lithuania, luxembourg, madagascar, malawi, malaysia, maldives, mali, malta, \
     mauritania, mauritius, mexico, moldova, monaco, mongolia, montenegro, morocco, mozambique, \
     myanmar, namibia, nauru, nepal, netherlands, new zealand, nicaragua, niger, nigeria, north \
     korea, north macedonia, northern ireland, norway, oman, pakistan, palau, panama, papua new \
     guinea, paraguay, peru, philippines, poland, portugal, qatar, republic of ireland, romania, \
     russia, rwanda, samoa, san marino, saudi arabia, scotland, senegal, serbia, seychelles, \
     sierra leone, singapore, slovakia, slovenia, somalia, south africa, south korea, south \
     sudan, spain, sri lanka, sudan, suriname, sweden, switzerland, syria, taiwan, tajikistan, \
     tanzania, thailand, the netherlands, togo, tonga, trinidad and tobago, tunisia, turkey, \
     turkmenistan, tuvalu, uganda, uk, ukraine, united arab emirates, united kingdom, united \
     states, united states of america, uruguay, us, usa, uzbekistan, vanuatu, venezuela, vietnam, \
     wales, yemen, zambia, zimbabwe, deutschland, österreich, schweiz, suisse, belgique, belgië, \
     nederland, italia, españa, brasil, sverige, norge, danmark, suomi, polska, magyarország, \
     méxico, hong kong, solomon islands, saint kitts and nevis, saint lucia, saint vincent and \
     the grenadines, swaziland, macedonia, marshall islands, micronesia, central african \
     republic, equatorial guinea, guinea-bissau, puerto rico, antigua and barbuda, macau, macao, \
     burma, são tomé and príncipe, faroe islands, gibraltar, bermuda, holland"
);

/// Words that tell of a place before an address: nouns that name it.
pub(super) static CUE_NOUNS: Words = words!(
    "address, addresses, adresse, indirizzo, dirección, direccion, endereço, adres, anschrift, \
     adress, domicilio, wohnhaft, domicile, residence, osoite"
);

/// Words that tell of a place before an address, if a small word follows.
pub(super) static CUE_VERBS: Words = words!(
    "located, lives, live, lived, living, reside, resides, residing, situated, sent, send, \
     deliver, delivered, ship, shipped, mail, return, meet, meeting, arrived, taxi, moved, \
     restaurant, office, offices, shop, house, home, store, station, wohnt, habite, vive, stop, \
     corner, side, drops, enter, refers, headquarters, headquartered"
);

/// The small words that follow.
pub(super) static CUE_PREPOSITIONS: Words =
    words!("at, to, in, on, is, of, with, the, from, user, following, same");

/// Words that stand before a number but name no street: months, and abbreviations of "number".
pub(super) static NOT_STREETS: Words = words!(
    "january, february, march, april, may, june, july, august, september, october, november, \
     december, jan, feb, mar, apr, jun, jul, aug, sept, sep, oct, nov, dec, monday, tuesday, \
     wednesday, thursday, friday, saturday, sunday, no, nos, number, nr, nº, n, chapter, page, \
     figure, table, vol, volume, part, version, route, platform, row, seat, day, year, grade, \
     age, level, act, scene, psalm, genesis, exodus, matthew, luke, channel, gate, januar, \
     februar, märz, mai, juni, juli, oktober, dezember, janvier, février, mars, avril, juin, \
     juillet, août, septembre, octobre, novembre, décembre, m, am, pm, step, phase, round, class, \
     lesson, question, answer, than, article, section, line, item, note, the, flight, bus, train"
);
