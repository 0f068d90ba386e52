//! The template language of the text sheets in `src/templates/`.
//!
//! A template is a line of English with slots and choices:
//! - `{a}` is the name of what `a` is bound to; `{a.he}`, `{a.him}`, `{a.his}`
//!   are its pronouns; `{a.home}`, `{a.pet}` and so on are true values of its attributes;
//! - `{an a.trade}` puts "a" or "an" before the value, `{s a.pet}` is its plural;
//! - `(one|two|)` takes one of the alternatives, each again a template.
//!
//! A rendered value is recorded as a fact stated by the text, so a template may use an
//! attribute only where a reader would learn from it that the value is the entity's.

use std::fmt;

use crate::dice::Dice;
use crate::fact::{Attribute, Entity, Fact};
use crate::world::{Pronoun, World};

/// How a value is put into the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Article,
    Plural,
}

/// What of the bound entity is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    He,
    Him,
    His,
    Value(Attribute),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Text(String),
    Slot {
        form: Form,
        variable: char,
        field: Field,
    },
    Choice(Vec<Vec<Node>>),
}

/// A parsed line of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    nodes: Vec<Node>,
}

/// What is wrong with a line of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who `{a}`, `{b}`, `{p}` ... are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bindings(Vec<(char, Entity)>);

impl Bindings {
    pub(crate) fn new(pairs: &[(char, Entity)]) -> Self {
        Self(pairs.to_vec())
    }

    fn get(&self, variable: char) -> Option<Entity> {
        let found = self.0.iter().find(|(name, _)| *name == variable);
        found.map(|(_, entity)| *entity)
    }
}

impl Template {
    /// Parses one line.
    pub(crate) fn parse(line: &str) -> Result<Self, Malformed> {
        let mut chars = line.chars().peekable();
        let nodes = parse_nodes(&mut chars, false)
            .map_err(|what| Malformed(format!("{what} in template: {line}")))?;
        Ok(Self { nodes })
    }

    /// Writes the sentence, records the facts it states in `facts`.
    ///
    /// # Panics
    /// When a variable is not bound: the caller of a sheet binds all that its section uses.
    pub(crate) fn render(
        &self,
        world: &World,
        bindings: &Bindings,
        dice: &mut Dice,
        facts: &mut Vec<Fact>,
    ) -> String {
        let mut out = String::new();
        render_nodes(&self.nodes, world, bindings, dice, facts, &mut out);
        sentence_case(&out)
    }

    /// The words that stand in the line itself.
    pub(crate) fn text(&self) -> String {
        let text = |node: &Node| match node {
            Node::Text(text) => text.clone(),
            Node::Slot { .. } | Node::Choice(_) => String::new(),
        };
        self.nodes.iter().map(text).collect()
    }

    /// The variables a caller must bind.
    #[cfg(test)]
    pub(crate) fn variables(&self) -> Vec<char> {
        fn walk(nodes: &[Node], out: &mut Vec<char>) {
            for node in nodes {
                match node {
                    Node::Text(_) => {}
                    Node::Slot { variable, .. } => out.push(*variable),
                    Node::Choice(branches) => branches.iter().for_each(|b| walk(b, out)),
                }
            }
        }
        let mut out = Vec::new();
        walk(&self.nodes, &mut out);
        out.sort_unstable();
        out.dedup();
        out
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn parse_nodes(chars: &mut Chars<'_>, inside: bool) -> Result<Vec<Node>, String> {
    let mut nodes = Vec::new();
    let mut text = String::new();
    while let Some(&c) = chars.peek() {
        if inside && (c == '|' || c == ')') {
            break;
        }
        chars.next();
        let node = match c {
            '{' => parse_slot(chars)?,
            '(' => parse_choice(chars)?,
            ')' | '|' | '}' => return Err(format!("stray '{c}'")),
            _ => {
                text.push(c);
                continue;
            }
        };
        if !text.is_empty() {
            nodes.push(Node::Text(std::mem::take(&mut text)));
        }
        nodes.push(node);
    }
    if !text.is_empty() {
        nodes.push(Node::Text(text));
    }
    Ok(nodes)
}

fn parse_choice(chars: &mut Chars<'_>) -> Result<Node, String> {
    let mut branches = Vec::new();
    loop {
        branches.push(parse_nodes(chars, true)?);
        match chars.next() {
            Some('|') => {}
            Some(_) => return Ok(Node::Choice(branches)),
            None => return Err("unclosed '('".into()),
        }
    }
}

fn parse_slot(chars: &mut Chars<'_>) -> Result<Node, String> {
    let mut inner = String::new();
    loop {
        match chars.next() {
            Some('}') => break,
            Some(c) => inner.push(c),
            None => return Err("unclosed '{'".into()),
        }
    }
    let (form, path) = match inner.split_once(' ') {
        None => (Form::Plain, inner.as_str()),
        Some(("an", path)) => (Form::Article, path),
        Some(("s", path)) => (Form::Plural, path),
        Some((other, _)) => return Err(format!("unknown form '{other}'")),
    };
    let (variable, field) = match path.split_once('.') {
        None => (path, Field::Name),
        Some((variable, field)) => {
            let field = match field {
                "he" => Field::He,
                "him" => Field::Him,
                "his" => Field::His,
                name => Field::Value(
                    Attribute::from_name(name).ok_or(format!("unknown field '{name}'"))?,
                ),
            };
            (variable, field)
        }
    };
    let mut letters = variable.chars();
    match (letters.next(), letters.next()) {
        (Some(variable), None) => Ok(Node::Slot {
            form,
            variable,
            field,
        }),
        _ => Err(format!("'{variable}' is not a variable of one letter")),
    }
}

fn render_nodes(
    nodes: &[Node],
    world: &World,
    bindings: &Bindings,
    dice: &mut Dice,
    facts: &mut Vec<Fact>,
    out: &mut String,
) {
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Choice(branches) => {
                let branch = dice.pick(branches);
                render_nodes(branch, world, bindings, dice, facts, out);
            }
            Node::Slot {
                form,
                variable,
                field,
            } => {
                let Some(entity) = bindings.get(*variable) else {
                    panic!("template variable '{variable}' is not bound after: {out}");
                };
                let value = slot_value(world, entity, *field, facts);
                match form {
                    Form::Plain => out.push_str(value),
                    Form::Plural => out.push_str(&plural(value)),
                    Form::Article => {
                        out.push_str(article(value));
                        out.push(' ');
                        out.push_str(value);
                    }
                }
            }
        }
    }
}

fn slot_value<'w>(
    world: &'w World,
    entity: Entity,
    field: Field,
    facts: &mut Vec<Fact>,
) -> &'w str {
    let pronoun = match entity {
        Entity::Person(i) => Some(world.people[i].pronoun),
        _ => None,
    };
    match (field, pronoun) {
        (Field::Name, _) => world.name(entity),
        (Field::He, Some(Pronoun::She)) => "she",
        (Field::He, Some(Pronoun::He)) => "he",
        (Field::Him, Some(Pronoun::He)) => "him",
        (Field::His, Some(Pronoun::He)) => "his",
        (Field::Him | Field::His, Some(Pronoun::She)) => "her",
        (Field::He | Field::Him, None) => "it",
        (Field::His, None) => "its",
        (Field::Value(attribute), _) => {
            let fact = owner(world, Fact { entity, attribute });
            facts.push(fact);
            world.value(fact)
        }
    }
}

/// `{a.beside}` speaks of the village of `a`: the fact is the village's, and the same for trades.
fn owner(world: &World, fact: Fact) -> Fact {
    let Entity::Person(i) = fact.entity else {
        return fact;
    };
    let entity = if Attribute::OF_PLACE.contains(&fact.attribute) {
        Entity::Place(world.people[i].home)
    } else if Attribute::OF_TRADE.contains(&fact.attribute) {
        Entity::Trade(world.people[i].trade)
    } else {
        fact.entity
    };
    Fact { entity, ..fact }
}

/// "a" or "an", by the first letter: the pools hold no word whose sound differs from it.
fn article(value: &str) -> &'static str {
    match value.chars().next() {
        Some('a' | 'e' | 'i' | 'o' | 'u' | 'A' | 'E' | 'I' | 'O' | 'U') => "an",
        _ => "a",
    }
}

fn plural(value: &str) -> String {
    match value.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{value}s"),
    }
}

/// Capitals at the start of each sentence, also inside opening quotation marks.
/// After a question or exclamation that closes a quotation the sentence goes on:
/// `"Where is Ida?" he asked.`
fn sentence_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    let mut ended_by: Option<char> = None;
    let mut quoted = false;
    for c in text.chars() {
        if c.is_alphanumeric() {
            if at_start {
                out.extend(c.to_uppercase());
            } else {
                out.push(c);
            }
            at_start = false;
            ended_by = None;
            continue;
        }
        match c {
            '.' | '!' | '?' => ended_by = Some(c),
            '\n' => {
                at_start = true;
                quoted = false;
            }
            // A choice may be empty and leave two spaces.
            ' ' if out.ends_with(' ') => continue,
            ' ' => at_start |= ended_by.is_some(),
            '"' => {
                if quoted && ended_by != Some('.') {
                    ended_by = None;
                }
                quoted = !quoted;
            }
            _ => ended_by = None,
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorldOptions;

    fn say(line: &str, world: &World, entity: Entity) -> (String, Vec<Fact>) {
        let mut facts = Vec::new();
        let bindings = Bindings::new(&[('a', entity)]);
        let mut dice = Dice::new(1, crate::dice::Stream::Document, 1);
        let template = Template::parse(line).expect("well-formed");
        (
            template.render(world, &bindings, &mut dice, &mut facts),
            facts,
        )
    }

    #[test]
    fn slots_choices_and_capitals() {
        let mut world = World::generate(&WorldOptions::default());
        world.people[0].name = "Ida".into();
        world.people[0].pronoun = Pronoun::She;
        world.people[0].pet = "owl".into();
        let ida = Entity::Person(0);
        let pet = Fact {
            entity: ida,
            attribute: Attribute::Pet,
        };
        let (text, facts) = say(
            "{a.he} keeps {an a.pet}. {s a.pet} are {a.his} (joy|joy)!",
            &world,
            ida,
        );
        assert_eq!(text, "She keeps an owl. Owls are her joy!");
        assert_eq!(facts, [pet, pet]);
        let (text, _) = say("\"where is {a}?\" he asked. \"here!\"", &world, ida);
        assert_eq!(text, "\"Where is Ida?\" he asked. \"Here!\"");
    }

    #[test]
    fn malformed_lines_are_named() {
        for bad in [
            "{a",
            "(x|y",
            "x)",
            "{a.shoe}",
            "{the a}",
            "{ab.home}",
            "a|b",
        ] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn plurals() {
        for (one, many) in [("pony", "ponies"), ("dog", "dogs"), ("monkey", "monkeys")] {
            assert_eq!(plural(one), many);
        }
    }
}
