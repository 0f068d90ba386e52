//! Questions and answers in prose and as forum posts, about facts that are not held out.

use crate::fact::{Entity, Fact};
use crate::language::language;
use crate::template::Bindings;
use crate::writer::{Writer, paragraph};

/// A conversation or a page of a question board about `person` and what is near.
pub(crate) fn talk(w: &mut Writer<'_>, person: usize) -> String {
    let sheet = &language().talk;
    let facts = askable(w, person);
    let friend = w.world.people[person].friend;
    if w.dice.chance(50) {
        let title = w.line(sheet, "board", &Bindings::default());
        let posts = facts.into_iter().take(5).filter_map(|fact| {
            let asker = w.other_person(&[person, friend]);
            let helper = w.other_person(&[person, friend, asker]);
            let question = w.about(fact, "question")?;
            let answer = answer(w, fact)?;
            let asker = &w.world.people[asker].name;
            let helper = &w.world.people[helper].name;
            Some(format!(
                "{asker} asks: {question}\n{helper} answers: {answer}"
            ))
        });
        let posts: Vec<String> = posts.collect();
        return format!("{title}\n{}", posts.join("\n"));
    }
    let asker = w.other_person(&[person, friend]);
    let helper = w.other_person(&[person, friend, asker]);
    let bindings = Bindings::new(&[
        ('a', Entity::Person(asker)),
        ('b', Entity::Person(helper)),
        ('c', Entity::Person(person)),
    ]);
    let mut sentences = vec![w.line(sheet, "scene", &bindings)];
    for fact in facts.into_iter().take(4) {
        let (Some(question), Some(answer)) = (w.about(fact, "question"), answer(w, fact)) else {
            continue;
        };
        sentences.push(spoken(&question, &tag(w, "asked", &bindings)));
        sentences.push(spoken(&answer, &tag(w, "answered", &bindings)));
        if w.dice.chance(30) {
            sentences.push(w.line(sheet, "between", &bindings));
        }
    }
    sentences.push(w.line(sheet, "end", &bindings));
    paragraph(sentences)
}

/// What may be asked about the person, the friend, the village and the trade.
fn askable(w: &mut Writer<'_>, person: usize) -> Vec<Fact> {
    let one = &w.world.people[person];
    let near = [
        Entity::Person(person),
        Entity::Person(one.friend),
        Entity::Place(one.home),
        Entity::Trade(one.trade),
    ];
    let facts = w.world.facts().filter(|fact| near.contains(&fact.entity));
    let mut facts: Vec<Fact> = facts.filter(|fact| w.may_state(*fact)).collect();
    w.dice.shuffle(&mut facts);
    // The people first, or the village and the trade, of which there are few facts to ask for and as
    // many ways of asking.
    let people_first = w.dice.chance(60);
    facts.sort_by_key(|fact| matches!(fact.entity, Entity::Person(_)) != people_first);
    let few = w.dice.between(0, 2);
    if few > 0 && facts.len() > 4 {
        facts.rotate_right(few);
    }
    facts
}

/// A full sentence that names whom it is about.
pub(crate) fn answer(w: &mut Writer<'_>, fact: Fact) -> Option<String> {
    w.about(fact, "answer")
}

/// "asked Ida.", as often as needed.
fn tag(w: &mut Writer<'_>, section: &str, bindings: &Bindings) -> String {
    let tags = language().talk.section(section);
    let tag = w.dice.pick(tags);
    w.say(tag, bindings)
}

/// Puts a sentence between quotation marks and says whose it is: `"...," said Ida.`
fn spoken(sentence: &str, by: &str) -> String {
    let sentence = match sentence.strip_suffix('.') {
        Some(open) => format!("{open},"),
        None => sentence.to_owned(),
    };
    // Templates are rendered as sentences; here the verb goes on inside one.
    let mut letters = by.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    let by: String = first.into_iter().chain(letters).collect();
    format!("\"{sentence}\" {by}")
}
