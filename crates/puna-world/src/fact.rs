//! What can be known: entities, their attributes, and facts as pairs of the two.

use serde::{Deserialize, Serialize};

/// Something that has attributes; the number is its index in the world's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    /// `World::people[i]`.
    Person(usize),
    /// `World::places[i]`.
    Place(usize),
    /// `World::trades[i]`.
    Trade(usize),
}

/// What can be asked about an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// The village where a person lives.
    Home,
    /// A person's trade.
    Trade,
    /// The kind of a person's pet.
    Pet,
    /// The name of a person's pet.
    PetName,
    /// A person's favourite food.
    Food,
    /// The instrument a person plays.
    Instrument,
    /// The month of a person's birthday.
    Birthday,
    /// The colour of a person's front door.
    Door,
    /// A person's best friend.
    Friend,
    /// The river, lake or hill beside a village.
    Beside,
    /// What a village is known for.
    KnownFor,
    /// The market day of a village.
    MarketDay,
    /// The village nearest to a village.
    Nearest,
    /// What is made in a trade.
    Product,
    /// The tool of a trade.
    Tool,
    /// Where a trade is done.
    Workshop,
}

impl Attribute {
    /// All attributes of a person.
    pub const OF_PERSON: [Attribute; 9] = [
        Attribute::Home,
        Attribute::Trade,
        Attribute::Pet,
        Attribute::PetName,
        Attribute::Food,
        Attribute::Instrument,
        Attribute::Birthday,
        Attribute::Door,
        Attribute::Friend,
    ];
    /// All attributes of a village.
    pub const OF_PLACE: [Attribute; 4] = [
        Attribute::Beside,
        Attribute::KnownFor,
        Attribute::MarketDay,
        Attribute::Nearest,
    ];
    /// All attributes of a trade.
    pub const OF_TRADE: [Attribute; 3] = [Attribute::Product, Attribute::Tool, Attribute::Workshop];

    /// The name used in files and in templates.
    pub fn name(self) -> &'static str {
        match self {
            Attribute::Home => "home",
            Attribute::Trade => "trade",
            Attribute::Pet => "pet",
            Attribute::PetName => "pet_name",
            Attribute::Food => "food",
            Attribute::Instrument => "instrument",
            Attribute::Birthday => "birthday",
            Attribute::Door => "door",
            Attribute::Friend => "friend",
            Attribute::Beside => "beside",
            Attribute::KnownFor => "known_for",
            Attribute::MarketDay => "market_day",
            Attribute::Nearest => "nearest",
            Attribute::Product => "product",
            Attribute::Tool => "tool",
            Attribute::Workshop => "workshop",
        }
    }

    /// Every attribute: of people, of villages, of trades.
    pub fn all() -> impl Iterator<Item = Attribute> {
        Self::OF_PERSON
            .into_iter()
            .chain(Self::OF_PLACE)
            .chain(Self::OF_TRADE)
    }

    /// The attribute of that name.
    pub fn from_name(name: &str) -> Option<Attribute> {
        Self::all().find(|attribute| attribute.name() == name)
    }
}

/// One thing that is true: the value of this attribute of this entity.
/// The value itself is [`World::value`](crate::World::value).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fact {
    /// Whom or what it is about.
    pub entity: Entity,
    /// What it says.
    pub attribute: Attribute,
}
