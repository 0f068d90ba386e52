//! The world through its public interface.

use std::collections::BTreeSet;
use std::fs;

use puna_world::{Attribute, Entity, Fact, World, WorldError, WorldOptions};

fn small(seed: u64) -> WorldOptions {
    WorldOptions {
        seed,
        documents: 200,
        instructions: 150,
        ..WorldOptions::default()
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_another_world() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let manifests: Vec<_> = [7, 7, 8]
        .iter()
        .zip(&dirs)
        .map(|(seed, dir)| World::generate(&small(*seed)).write(dir.path()).unwrap())
        .collect();
    assert_eq!(manifests[0], manifests[1]);
    for (one, other) in manifests[0].files.iter().zip(&manifests[2].files) {
        let read = |i: usize| fs::read(dirs[i].path().join(&one.name)).unwrap();
        assert_eq!(read(0), read(1), "{}", one.name);
        assert_ne!(one.sha256, other.sha256, "{}", one.name);
        assert_eq!(read(0).len() as u64, one.bytes);
        assert_eq!(read(0).iter().filter(|b| **b == b'\n').count(), one.records);
    }
    let names: BTreeSet<String> = fs::read_dir(dirs[0].path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = [
        "dialogues.jsonl",
        "documents.jsonl",
        "questions.jsonl",
        "world.json",
    ];
    assert_eq!(
        names.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn files_hold_the_records_they_should() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::generate(&small(3));
    world.write(dir.path()).unwrap();
    let lines = |name: &str| -> Vec<serde_json::Value> {
        let text = fs::read_to_string(dir.path().join(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let documents = lines("documents.jsonl");
    assert_eq!(documents.len(), 200);
    assert!(
        documents
            .iter()
            .all(|d| d["id"].is_string() && d["kind"].is_string() && d["text"].is_string())
    );
    let dialogues = lines("dialogues.jsonl");
    assert_eq!(dialogues.len(), 150);
    let roles = ["system", "user", "assistant"];
    for message in dialogues
        .iter()
        .flat_map(|d| d["messages"].as_array().unwrap())
    {
        assert!(roles.contains(&message["role"].as_str().unwrap()));
        assert!(message["content"].is_string());
    }
    let questions = lines("questions.jsonl");
    assert_eq!(questions.len(), world.questions().len());
    let truth = &lines("world.json")[0];
    assert_eq!(truth["synthetic"], true);
    assert_eq!(truth["people"].as_array().unwrap().len(), 48);
    assert_eq!(
        truth["held_out"].as_array().unwrap().len(),
        world.held_out().len()
    );
}

#[test]
fn a_document_does_not_depend_on_the_others() {
    let world = World::generate(&small(5));
    let all: Vec<_> = world.documents().collect();
    let longer = World::generate(&WorldOptions {
        documents: 400,
        ..small(5)
    });
    for index in [0, 17, 199] {
        assert_eq!(world.document(index).0, all[index]);
        assert_eq!(longer.document(index).0, all[index]);
    }
}

#[test]
fn friendship_and_neighbourhood_are_mutual_and_names_unique() {
    for seed in 0..20 {
        let world = World::generate(&WorldOptions {
            seed,
            ..WorldOptions::default()
        });
        for (i, person) in world.people.iter().enumerate() {
            assert_ne!(person.friend, i);
            assert_eq!(world.people[person.friend].friend, i);
        }
        for (i, place) in world.places.iter().enumerate() {
            assert_ne!(place.nearest, i);
            assert_eq!(world.places[place.nearest].nearest, i);
        }
        let mut names = BTreeSet::new();
        let people = world.people.iter().flat_map(|p| [&p.name, &p.pet_name]);
        for name in people
            .chain(world.places.iter().map(|p| &p.name))
            .chain(world.strangers())
        {
            assert!(names.insert(name.clone()), "{name} twice");
        }
        let seats: BTreeSet<_> = world.people.iter().map(|p| (p.home, p.trade)).collect();
        assert_eq!(
            seats.len(),
            world.people.len(),
            "one of a trade in each village"
        );
    }
}

#[test]
fn odd_sizes_are_brought_into_range() {
    let sizes = [
        (0, 0, 0, 0),
        (5, 5, 5, 3),
        (4, 4, 4, 10_000),
        (301, 100, 100, 500),
    ];
    for (people, places, trades, questions) in sizes {
        let options = WorldOptions {
            seed: 11,
            people,
            places,
            trades,
            questions,
            documents: 120,
            instructions: 120,
        };
        let world = World::generate(&options);
        assert!(world.people.len() >= people.max(4));
        assert_eq!(world.documents().count(), 120);
        assert_eq!(world.dialogues().len(), 120);
        assert!(world.dialogues().iter().all(|d| d.messages.len() >= 2));
        assert!(world.questions().len() <= questions + 1);
        let names: BTreeSet<&str> = world.people.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names.len(), world.people.len());
        let pets: BTreeSet<&str> = world.people.iter().map(|p| p.pet_name.as_str()).collect();
        assert_eq!(pets.len(), world.people.len());
    }
}

#[test]
fn held_out_facts_are_mutual_where_the_fact_is() {
    let world = World::generate(&WorldOptions::default());
    for fact in world.held_out() {
        let mirror = match (fact.entity, fact.attribute) {
            (Entity::Person(i), Attribute::Friend) => Entity::Person(world.people[i].friend),
            (Entity::Place(i), Attribute::Nearest) => Entity::Place(world.places[i].nearest),
            _ => continue,
        };
        assert!(world.held_out().contains(&Fact {
            entity: mirror,
            attribute: fact.attribute
        }));
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let error = World::generate(&small(1))
        .write(&file.join("world"))
        .unwrap_err();
    assert!(matches!(&error, WorldError::Io { path, .. } if path.starts_with(&file)));
    assert!(error.to_string().contains("file"));
}
