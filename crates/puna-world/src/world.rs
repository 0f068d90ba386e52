//! The truth: people, villages and trades, drawn from a seed. All of it is synthetic.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::dice::{Dice, Stream};
use crate::draw;
use crate::fact::{Attribute, Entity, Fact};
use crate::pools;

/// How large a world to make, and from which seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldOptions {
    /// Everything follows from it.
    pub seed: u64,
    /// People; raised to an even number of at least four, because friendship is mutual.
    pub people: usize,
    /// Villages; brought to an even number from 4 to 24, because neighbours are mutual.
    pub places: usize,
    /// Trades, from 4 to 24.
    pub trades: usize,
    /// Documents of pretraining text.
    pub documents: usize,
    /// Dialogues for supervised fine-tuning.
    pub instructions: usize,
    /// Held-out questions; fewer when the world is too small to hold out that many.
    pub questions: usize,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            people: 48,
            places: 10,
            trades: 16,
            documents: 9_000,
            instructions: 3_600,
            questions: 200,
        }
    }
}

/// How a person is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pronoun {
    /// she, her, her
    She,
    /// he, him, his
    He,
}

/// Somebody who lives in the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// A first name, one word, unique.
    pub name: String,
    /// she or he.
    pub pronoun: Pronoun,
    /// Index into `World::places`.
    pub home: usize,
    /// Index into `World::trades`.
    pub trade: usize,
    /// Kind of pet.
    pub pet: String,
    /// The pet's name, unique.
    pub pet_name: String,
    /// Favourite food.
    pub food: String,
    /// Instrument.
    pub instrument: String,
    /// Month of the birthday.
    pub birthday: String,
    /// Colour of the front door.
    pub door: String,
    /// Best friend, mutual: index into `World::people`.
    pub friend: usize,
}

/// A village.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// One word, unique.
    pub name: String,
    /// The river, lake or hill beside it, unique.
    pub beside: String,
    /// What it is known for ("its ..."), unique.
    pub known_for: String,
    /// The day of its market.
    pub market_day: String,
    /// The nearest village, mutual: index into `World::places`.
    pub nearest: usize,
}

/// A trade, the same in every village.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// "baker"
    pub name: String,
    /// "bread"
    pub product: String,
    /// "oven"
    pub tool: String,
    /// "bakery"
    pub workshop: String,
}

/// A small consistent synthetic world, and everything one needs to raise a model on it.
#[derive(Debug, Clone)]
pub struct World {
    /// As given, brought into range.
    pub options: WorldOptions,
    /// The people.
    pub people: Vec<Person>,
    /// The villages.
    pub places: Vec<Place>,
    /// The trades.
    pub trades: Vec<Trade>,
    pub(crate) held_out: BTreeSet<Fact>,
    pub(crate) strangers: Vec<String>,
}

impl World {
    /// Draws the world of these options. The same options give the same world, on every machine.
    pub fn generate(options: &WorldOptions) -> Self {
        let mut options = options.clone();
        options.people = options.people.max(4).next_multiple_of(2);
        options.places = options.places.clamp(4, pools::PLACES.len()) / 2 * 2;
        options.trades = options.trades.clamp(4, pools::TRADES.len());
        let mut dice = Dice::new(options.seed, Stream::Truth, 0);

        let trades = draw::trades(&mut dice, options.trades);
        let places = draw::places(&mut dice, options.places);
        let (people, strangers) = draw::people(&mut dice, &options);
        let mut world = Self {
            options,
            people,
            places,
            trades,
            held_out: BTreeSet::new(),
            strangers,
        };
        world.held_out = draw::held_out(&world);
        world
    }

    /// The true value of a fact, as it stands in text.
    pub fn value(&self, fact: Fact) -> &str {
        let Fact { entity, attribute } = fact;
        match (entity, attribute) {
            (Entity::Person(i), attribute) => {
                let person = &self.people[i];
                match attribute {
                    Attribute::Home => &self.places[person.home].name,
                    Attribute::Trade => &self.trades[person.trade].name,
                    Attribute::Pet => &person.pet,
                    Attribute::PetName => &person.pet_name,
                    Attribute::Food => &person.food,
                    Attribute::Instrument => &person.instrument,
                    Attribute::Birthday => &person.birthday,
                    Attribute::Door => &person.door,
                    Attribute::Friend => &self.people[person.friend].name,
                    // What belongs to the person's village or trade.
                    Attribute::Product | Attribute::Tool | Attribute::Workshop => {
                        self.value(Fact {
                            entity: Entity::Trade(person.trade),
                            attribute,
                        })
                    }
                    _ => self.value(Fact {
                        entity: Entity::Place(person.home),
                        attribute,
                    }),
                }
            }
            (Entity::Place(i), attribute) => {
                let place = &self.places[i];
                match attribute {
                    Attribute::Beside => &place.beside,
                    Attribute::KnownFor => &place.known_for,
                    Attribute::MarketDay => &place.market_day,
                    Attribute::Nearest => &self.places[place.nearest].name,
                    _ => &place.name,
                }
            }
            (Entity::Trade(i), attribute) => {
                let trade = &self.trades[i];
                match attribute {
                    Attribute::Product => &trade.product,
                    Attribute::Tool => &trade.tool,
                    Attribute::Workshop => &trade.workshop,
                    _ => &trade.name,
                }
            }
        }
    }

    /// The name of an entity, as it stands in text.
    pub fn name(&self, entity: Entity) -> &str {
        match entity {
            Entity::Person(i) => &self.people[i].name,
            Entity::Place(i) => &self.places[i].name,
            Entity::Trade(i) => &self.trades[i].name,
        }
    }

    /// Every fact of the world, in a fixed order.
    pub fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        let people = (0..self.people.len()).flat_map(|i| {
            Attribute::OF_PERSON.map(|attribute| Fact {
                entity: Entity::Person(i),
                attribute,
            })
        });
        let places = (0..self.places.len()).flat_map(|i| {
            Attribute::OF_PLACE.map(|attribute| Fact {
                entity: Entity::Place(i),
                attribute,
            })
        });
        let trades = (0..self.trades.len()).flat_map(|i| {
            Attribute::OF_TRADE.map(|attribute| Fact {
                entity: Entity::Trade(i),
                attribute,
            })
        });
        people.chain(places).chain(trades)
    }

    /// Facts that are stated in pretraining text, but asked nowhere, and not stated in any dialogue.
    pub fn held_out(&self) -> &BTreeSet<Fact> {
        &self.held_out
    }

    /// Every value the attribute has or might have had, each once: the wrong answers and the right one.
    pub fn values(&self, attribute: Attribute) -> Vec<&str> {
        let fixed = |pool: &'static [&'static str]| pool.to_vec();
        match attribute {
            Attribute::Home | Attribute::Nearest => {
                self.places.iter().map(|p| p.name.as_str()).collect()
            }
            Attribute::Trade => pools::TRADES.iter().map(|t| t.0).collect(),
            Attribute::Pet => fixed(pools::PETS),
            Attribute::PetName => self.people.iter().map(|p| p.pet_name.as_str()).collect(),
            Attribute::Food => fixed(pools::FOODS),
            Attribute::Instrument => fixed(pools::INSTRUMENTS),
            Attribute::Birthday => fixed(pools::MONTHS),
            Attribute::Door => fixed(pools::COLOURS),
            Attribute::Friend => self.people.iter().map(|p| p.name.as_str()).collect(),
            Attribute::Beside => fixed(pools::WATERS),
            Attribute::KnownFor => fixed(pools::KNOWN_FOR),
            Attribute::MarketDay => fixed(pools::DAYS),
            Attribute::Product => pools::TRADES.iter().map(|t| t.1).collect(),
            Attribute::Tool => pools::TRADES.iter().map(|t| t.2).collect(),
            Attribute::Workshop => pools::TRADES.iter().map(|t| t.3).collect(),
        }
    }

    /// Names of people who do not live in the world and occur in no document.
    pub fn strangers(&self) -> &[String] {
        &self.strangers
    }

    /// How many of the questions ask about somebody who does not exist.
    pub(crate) fn unknown_questions(&self) -> usize {
        (self.options.questions / 25).min(self.strangers.len() / 2)
    }
}
