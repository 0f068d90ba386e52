//! The truth: people, villages and trades, drawn from a seed. All of it is synthetic.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::dice::{Dice, Stream};
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
            documents: 6_000,
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

        let trades = draw_trades(&mut dice, options.trades);
        let places = draw_places(&mut dice, options.places);
        let (people, strangers) = draw_people(&mut dice, &options);
        let mut world = Self {
            options,
            people,
            places,
            trades,
            held_out: BTreeSet::new(),
            strangers,
        };
        world.held_out = world.draw_held_out();
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

    /// Chooses the facts to hold out so that every attribute is still asked about
    /// other entities and every entity about other attributes. A mutual fact
    /// (friends, neighbours) is held out from both sides.
    fn draw_held_out(&self) -> BTreeSet<Fact> {
        let mut dice = Dice::new(self.options.seed, Stream::HeldOut, 0);
        let wanted = self.options.questions - self.unknown_questions();
        let mut out = BTreeSet::new();
        let of_places = (wanted * 7 / 100).min(self.places.len() * 4 / 3);
        let of_trades = (wanted * 5 / 100).min(self.trades.len());
        for (n, place) in dice
            .deal(self.places.len(), of_places)
            .into_iter()
            .enumerate()
        {
            let attribute = Attribute::OF_PLACE[(place + 2 * (n / self.places.len())) % 4];
            self.hold_out(&mut out, Entity::Place(place), attribute);
        }
        for trade in dice.deal(self.trades.len(), of_trades) {
            self.hold_out(
                &mut out,
                Entity::Trade(trade),
                Attribute::OF_TRADE[trade % 3],
            );
        }
        // A Latin-square walk: in round r, person number n gives up attribute
        // n + OFFSETS[r], so that losses are even over people and attributes.
        const OFFSETS: [usize; 4] = [0, 2, 5, 7];
        let people = dice.permutation(self.people.len());
        let order = dice.permutation(Attribute::OF_PERSON.len());
        'rounds: for offset in OFFSETS {
            for (n, &person) in people.iter().enumerate() {
                if out.len() >= wanted {
                    break 'rounds;
                }
                let attribute = Attribute::OF_PERSON[order[(n + offset) % order.len()]];
                // Friends of friends held out would leave too few to ask about.
                if attribute != Attribute::Friend || n % 2 == 0 {
                    self.hold_out(&mut out, Entity::Person(person), attribute);
                }
            }
        }
        out
    }

    fn hold_out(&self, out: &mut BTreeSet<Fact>, entity: Entity, attribute: Attribute) {
        out.insert(Fact { entity, attribute });
        let mirror = match (entity, attribute) {
            (Entity::Person(i), Attribute::Friend) => Entity::Person(self.people[i].friend),
            (Entity::Place(i), Attribute::Nearest) => Entity::Place(self.places[i].nearest),
            _ => return,
        };
        out.insert(Fact {
            entity: mirror,
            attribute,
        });
    }

    /// How many of the questions ask about somebody who does not exist.
    pub(crate) fn unknown_questions(&self) -> usize {
        (self.options.questions / 25).min(self.strangers.len() / 2)
    }
}

fn draw_trades(dice: &mut Dice, count: usize) -> Vec<Trade> {
    let order = dice.permutation(pools::TRADES.len());
    let drawn = order.into_iter().take(count);
    drawn
        .map(|i| {
            let (name, product, tool, workshop) = pools::TRADES[i];
            Trade {
                name: name.into(),
                product: product.into(),
                tool: tool.into(),
                workshop: workshop.into(),
            }
        })
        .collect()
}

fn draw_places(dice: &mut Dice, count: usize) -> Vec<Place> {
    let names = dice.permutation(pools::PLACES.len());
    let waters = dice.permutation(pools::WATERS.len());
    let known = dice.permutation(pools::KNOWN_FOR.len());
    let days = dice.deal(pools::DAYS.len(), count);
    let nearest = pairs(dice, count);
    (0..count)
        .map(|i| Place {
            name: pools::PLACES[names[i]].into(),
            beside: pools::WATERS[waters[i]].into(),
            known_for: pools::KNOWN_FOR[known[i]].into(),
            market_day: pools::DAYS[days[i]].into(),
            nearest: nearest[i],
        })
        .collect()
}

/// The people, and the curated names that are left over.
fn draw_people(dice: &mut Dice, options: &WorldOptions) -> (Vec<Person>, Vec<String>) {
    let count = options.people;
    let mut names: Vec<(String, Pronoun)> = Vec::new();
    names.extend(pools::SHE.iter().map(|n| ((*n).into(), Pronoun::She)));
    names.extend(pools::HE.iter().map(|n| ((*n).into(), Pronoun::He)));
    dice.shuffle(&mut names);
    // Some names are always left over for strangers.
    let curated = count.min(names.len() * 2 / 3);
    let strangers = names.split_off(curated);
    names.extend((curated..count).map(|i| {
        let pronoun = if i % 2 == 0 {
            Pronoun::She
        } else {
            Pronoun::He
        };
        (pools::invented(i - curated), pronoun)
    }));

    let mut pet_names: Vec<String> = pools::PET_NAMES.iter().map(|n| (*n).into()).collect();
    dice.shuffle(&mut pet_names);
    pet_names.extend((pet_names.len()..count).map(|i| pools::invented(i) + "y"));

    let pets = dice.deal(pools::PETS.len(), count);
    let foods = dice.deal(pools::FOODS.len(), count);
    let instruments = dice.deal(pools::INSTRUMENTS.len(), count);
    let months = dice.deal(pools::MONTHS.len(), count);
    let colours = dice.deal(pools::COLOURS.len(), count);
    let friends = pairs(dice, count);
    // Villages are filled one after another and trades dealt in turn, so that
    // nobody shares both village and trade while there are enough of them.
    let crowd = count.div_ceil(options.places);
    let seats = dice.permutation(options.places * crowd);
    let people = names
        .into_iter()
        .enumerate()
        .map(|(i, (name, pronoun))| Person {
            name,
            pronoun,
            home: seats[i] / crowd,
            trade: seats[i] % options.trades,
            pet: pools::PETS[pets[i]].into(),
            pet_name: pet_names[i].clone(),
            food: pools::FOODS[foods[i]].into(),
            instrument: pools::INSTRUMENTS[instruments[i]].into(),
            birthday: pools::MONTHS[months[i]].into(),
            door: pools::COLOURS[colours[i]].into(),
            friend: friends[i],
        })
        .collect();
    let strangers = strangers.into_iter().map(|(name, _)| name).collect();
    (people, strangers)
}

/// Pairs up `0..count` (even): the partner of each.
fn pairs(dice: &mut Dice, count: usize) -> Vec<usize> {
    let order = dice.permutation(count);
    let mut partner = vec![0; count];
    for pair in order.chunks_exact(2) {
        partner[pair[0]] = pair[1];
        partner[pair[1]] = pair[0];
    }
    partner
}
