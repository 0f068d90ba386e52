//! Drawing the truth from the seed, and what of it is held out.

use std::collections::BTreeSet;

use crate::dice::{Dice, Stream};
use crate::fact::{Attribute, Entity, Fact};
use crate::pools;
use crate::world::{Person, Place, Pronoun, Trade, World, WorldOptions};

pub(crate) fn trades(dice: &mut Dice, count: usize) -> Vec<Trade> {
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

pub(crate) fn places(dice: &mut Dice, count: usize) -> Vec<Place> {
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
pub(crate) fn people(dice: &mut Dice, options: &WorldOptions) -> (Vec<Person>, Vec<String>) {
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
    // Counting through villages and trades side by side meets each pair once before
    // any comes twice, and fills all of them evenly; the shift starts the next round.
    let round = lcm(options.places, options.trades);
    let people = names
        .into_iter()
        .enumerate()
        .map(|(i, (name, pronoun))| Person {
            name,
            pronoun,
            home: i % options.places,
            trade: (i + i / round) % options.trades,
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

fn lcm(a: usize, b: usize) -> usize {
    (1..=b).map(|n| a * n).find(|n| n % b == 0).unwrap_or(a * b)
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

/// Chooses the facts to hold out so that every attribute is still asked about
/// other entities and every entity about other attributes. A mutual fact
/// (friends, neighbours) is held out from both sides.
pub(crate) fn held_out(world: &World) -> BTreeSet<Fact> {
    let mut dice = Dice::new(world.options.seed, Stream::HeldOut, 0);
    let wanted = world.options.questions - world.unknown_questions();
    let mut out = BTreeSet::new();
    let of_places = (wanted * 4 / 100).min(world.places.len());
    let of_trades = (wanted * 4 / 100).min(world.trades.len());
    for place in dice.deal(world.places.len(), of_places) {
        hold_out(
            world,
            &mut out,
            Entity::Place(place),
            Attribute::OF_PLACE[place % 4],
        );
    }
    for trade in dice.deal(world.trades.len(), of_trades) {
        let attribute = Attribute::OF_TRADE[trade % 3];
        hold_out(world, &mut out, Entity::Trade(trade), attribute);
    }
    // A Latin-square walk: in round r, person number n gives up attribute
    // n + OFFSETS[r], so that losses are even over people and attributes.
    const OFFSETS: [usize; 4] = [0, 2, 5, 7];
    let people = dice.permutation(world.people.len());
    let order = dice.permutation(Attribute::OF_PERSON.len());
    'rounds: for offset in OFFSETS {
        for (n, &person) in people.iter().enumerate() {
            if out.len() >= wanted {
                break 'rounds;
            }
            let attribute = Attribute::OF_PERSON[order[(n + offset) % order.len()]];
            // Friends of friends held out would leave too few to ask about.
            if attribute != Attribute::Friend || n % 2 == 0 {
                hold_out(world, &mut out, Entity::Person(person), attribute);
            }
        }
    }
    out
}

fn hold_out(world: &World, out: &mut BTreeSet<Fact>, entity: Entity, attribute: Attribute) {
    out.insert(Fact { entity, attribute });
    let mirror = match (entity, attribute) {
        (Entity::Person(i), Attribute::Friend) => Entity::Person(world.people[i].friend),
        (Entity::Place(i), Attribute::Nearest) => Entity::Place(world.places[i].nearest),
        _ => return,
    };
    out.insert(Fact {
        entity: mirror,
        attribute,
    });
}
