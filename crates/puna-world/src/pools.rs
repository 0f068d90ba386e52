//! The words the world is made of. Every value is a single word or a short
//! noun phrase, and no value of an attribute contains another one of the same
//! attribute as whole words (a test holds this), so an answer can be checked strictly.

/// First names that are spoken of as "she".
pub(crate) const SHE: &[&str] = &[
    "Mira", "Anna", "Lena", "Nora", "Tilda", "Ella", "Hanna", "Greta", "Sana", "Yara", "Zoe",
    "Ida", "Petra", "Wanda", "Runa", "Fenna", "Marta", "Dalia", "Kira", "Olga", "Tova", "Ulla",
    "Vera", "Celia", "Della", "Edda", "Farah", "Gwen", "Hedy", "Imka", "Jolie", "Kaya", "Liv",
    "Maud", "Nell", "Rhea", "Sela", "Thea", "Una", "Yuna", "Zara", "Bea", "Cora", "Dunja", "Elin",
    "Flora", "Gilda", "Halina", "Inga", "Juno", "Katya", "Luna", "Malin", "Nadia", "Oona", "Paula",
    "Rosa", "Signe", "Tamsin", "Violet",
];

/// First names that are spoken of as "he".
pub(crate) const HE: &[&str] = &[
    "Tomek", "Arlo", "Bram", "Caleb", "Dario", "Edwin", "Finn", "Goran", "Hugo", "Ivo", "Jonah",
    "Karl", "Luca", "Milo", "Nico", "Otto", "Pavel", "Quentin", "Rolf", "Sven", "Tobin", "Ugo",
    "Viktor", "Walter", "Yann", "Zeno", "Alvin", "Conrad", "Dmitri", "Emil", "Gustav", "Henrik",
    "Igor", "Joel", "Kofi", "Oskar", "Piet", "Ravi", "Stefan", "Theo", "Umar", "Vito", "Wim",
    "Yusuf", "Zaid", "Anton", "Bruno", "Casper", "Derek", "Ernst", "Fabio", "Gideon", "Harald",
    "Ibrahim", "Jakob", "Kenji", "Leo", "Marek", "Noah", "Rupert",
];

/// Villages.
pub(crate) const PLACES: &[&str] = &[
    "Alderby",
    "Brackwell",
    "Cobbleton",
    "Dunmere",
    "Elmstow",
    "Farlow",
    "Gransby",
    "Hollin",
    "Kestrow",
    "Larkham",
    "Mossley",
    "Nettleby",
    "Orrin",
    "Pellford",
    "Quarley",
    "Ravensby",
    "Silverton",
    "Thornby",
    "Umberly",
    "Velloway",
    "Wickfen",
    "Yarrowby",
    "Zenwick",
    "Inkby",
];

/// The water or hill beside a village.
pub(crate) const WATERS: &[&str] = &[
    "the River Tam",
    "Lake Orla",
    "Heron Hill",
    "the River Brune",
    "Lake Silva",
    "Fox Hill",
    "the River Wend",
    "Lake Mirror",
    "Badger Hill",
    "the River Isla",
    "Lake Amber",
    "Otter Hill",
    "the River Nim",
    "Lake Juniper",
    "Swallow Hill",
    "the River Ode",
    "Lake Pearl",
    "Raven Hill",
    "the River Skye",
    "Lake Willow",
    "Beacon Hill",
    "the River Ulm",
    "Lake Frost",
    "Cloud Hill",
];

/// What a village is known for ("its ...").
pub(crate) const KNOWN_FOR: &[&str] = &[
    "crooked bridge",
    "old windmill",
    "stone tower",
    "apple orchard",
    "rose garden",
    "tall lighthouse",
    "great clock",
    "honey fair",
    "lantern feast",
    "walnut tree",
    "hot spring",
    "puppet theatre",
    "singing fountain",
    "kite race",
    "church bell",
    "standing stone",
    "duck pond",
    "flower maze",
    "wooden castle",
    "painted wall",
    "salt cave",
    "echo valley",
    "snow festival",
    "market hall",
];

/// Market days.
pub(crate) const DAYS: &[&str] = &[
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Trade, what is made, with which tool, where.
pub(crate) const TRADES: &[(&str, &str, &str, &str)] = &[
    ("baker", "bread", "oven", "bakery"),
    ("potter", "bowls", "wheel", "pottery"),
    ("weaver", "cloth", "loom", "weaving room"),
    ("blacksmith", "horseshoes", "anvil", "forge"),
    ("carpenter", "tables", "saw", "workshop"),
    ("cobbler", "shoes", "awl", "shoe shop"),
    ("tailor", "coats", "needle", "sewing room"),
    ("beekeeper", "honey", "smoker", "bee garden"),
    ("miller", "flour", "millstone", "mill"),
    ("brewer", "cider", "vat", "brewery"),
    ("chandler", "candles", "wick", "candle shop"),
    ("clockmaker", "clocks", "magnifying glass", "clock shop"),
    ("bookbinder", "books", "glue pot", "bindery"),
    ("glassblower", "bottles", "blowpipe", "glass house"),
    ("hatter", "hats", "steam iron", "hat shop"),
    ("printer", "newspapers", "press", "print shop"),
    ("toymaker", "toys", "chisel", "toy shop"),
    ("saddler", "saddles", "punch", "saddle room"),
    ("tinsmith", "kettles", "hammer", "tin shop"),
    ("jeweller", "rings", "lens", "jewel shop"),
    ("cooper", "barrels", "mallet", "barrel yard"),
    ("cheesemaker", "cheese", "churn", "dairy"),
    ("ropemaker", "rope", "hook", "rope yard"),
    ("basketmaker", "baskets", "knife", "basket shop"),
];

/// Kinds of pet.
pub(crate) const PETS: &[&str] = &[
    "dog", "cat", "goat", "rabbit", "pony", "parrot", "hen", "duck", "tortoise", "owl", "hedgehog",
    "pig",
];

/// Names of pets; each is used once.
pub(crate) const PET_NAMES: &[&str] = &[
    "Biscuit",
    "Button",
    "Pip",
    "Mop",
    "Tuppence",
    "Bramble",
    "Noodle",
    "Pickle",
    "Waffle",
    "Thimble",
    "Cricket",
    "Domino",
    "Ember",
    "Fidget",
    "Ginger",
    "Hazel",
    "Inky",
    "Jasper",
    "Kipper",
    "Lolly",
    "Marble",
    "Nibble",
    "Olive",
    "Pebble",
    "Quill",
    "Rascal",
    "Sooty",
    "Teasel",
    "Velvet",
    "Wobble",
    "Ziggy",
    "Acorn",
    "Bandit",
    "Clover",
    "Dusty",
    "Echo",
    "Freckle",
    "Gizmo",
    "Hopper",
    "Jingle",
    "Kettledrum",
    "Limpet",
    "Muffin",
    "Nutmeg",
    "Parsley",
    "Rocket",
    "Scout",
    "Truffle",
    "Umber",
    "Whisper",
    "Yoyo",
    "Zippy",
    "Bubble",
    "Comet",
    "Doodle",
    "Fudge",
    "Gadget",
    "Honeybee",
    "Jigsaw",
    "Koko",
];

/// Favourite foods; all stand after "some" and after "favourite food is".
pub(crate) const FOODS: &[&str] = &[
    "apple pie",
    "bean soup",
    "plum cake",
    "mushroom stew",
    "rice pudding",
    "fish pie",
    "roast potatoes",
    "corn bread",
    "pancakes",
    "dumplings",
    "noodle salad",
    "cherry tart",
    "pea soup",
    "carrot cake",
    "onion bread",
    "nut bread",
];

/// Instruments.
pub(crate) const INSTRUMENTS: &[&str] = &[
    "fiddle",
    "flute",
    "drum",
    "harp",
    "trumpet",
    "piano",
    "guitar",
    "banjo",
    "accordion",
    "cello",
    "whistle",
    "horn",
];

/// Months.
pub(crate) const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Colours of doors.
pub(crate) const COLOURS: &[&str] = &[
    "red", "blue", "green", "yellow", "white", "black", "purple", "orange", "brown", "pink",
    "grey", "silver",
];

const ONSETS: &[&str] = &[
    "B", "D", "F", "G", "H", "J", "K", "L", "M", "N", "P", "R", "S", "T", "V", "Z", "Br", "Dr",
    "Gr", "Kl", "Pl", "Sk", "St", "Tr",
];
const VOWELS: &[&str] = &["a", "e", "i", "o", "u"];
const CODAS: &[&str] = &[
    "bor", "dan", "fin", "gal", "kel", "lum", "mon", "nar", "pek", "rid", "tam", "vin",
];

/// The invented name number `index`, for worlds larger than the curated pools: pronounceable, all different.
pub(crate) fn invented(index: usize) -> String {
    let onset = ONSETS[index % ONSETS.len()];
    let rest = index / ONSETS.len();
    let vowel = VOWELS[rest % VOWELS.len()];
    let rest = rest / VOWELS.len();
    let coda = CODAS[rest % CODAS.len()];
    let mut name = format!("{onset}{vowel}{coda}");
    // Beyond 1,440 names, further syllables count upwards.
    let mut rest = rest / CODAS.len();
    while rest > 0 {
        name.push_str(VOWELS[rest % VOWELS.len()]);
        name.push_str(["l", "r", "n"][rest % 3]);
        rest /= VOWELS.len() * 3;
    }
    name
}
