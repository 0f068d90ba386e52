//! Inputs by path, directory and glob.

use super::*;
use std::fs;

#[test]
fn inputs_are_sorted_and_named_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for file in [
        "b/2.txt",
        "b/1.txt",
        "a.txt",
        "b/.hidden.txt",
        "b/c/deep.html",
        "x[1].txt",
    ] {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "text").unwrap();
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(root.join("b"), root.join("b/c/circle")).unwrap();
        std::os::unix::fs::symlink(root.join("nothing"), root.join("b/dangling")).unwrap();
    }
    let at = |name: &str| root.join(name).to_string_lossy().into_owned();
    let names = |inputs: &[String]| -> Vec<String> {
        let inputs = expand(inputs).unwrap();
        let name = |i: &Input| {
            i.name()
                .strip_prefix(&at(""))
                .unwrap_or(i.name())
                .to_owned()
        };
        inputs.iter().map(name).collect()
    };
    let all = ["a.txt", "b/1.txt", "b/2.txt", "b/c/deep.html", "x[1].txt"];
    assert_eq!(names(&[root.to_string_lossy().into_owned()]), all);
    assert_eq!(names(&[at("b/*.txt")]), ["b/1.txt", "b/2.txt"]);
    assert_eq!(names(&[at("**/*.html")]), ["b/c/deep.html"]);
    assert_eq!(names(&[at("x[1].txt")]), ["x[1].txt"]);
    assert_eq!(
        names(&[at("b/2.txt"), at("b"), at("b/c/../1.txt")]),
        all[1..4]
    );
    let json = serde_json::to_string(&expand(&[at("a.txt")]).unwrap()).unwrap();
    assert_eq!(
        json,
        format!("[{{\"name\":{:?},\"bytes\":4}}]", at("a.txt"))
    );

    let error = |input: String| expand(&[input]).unwrap_err().to_string();
    assert!(error(at("missing.txt")).contains("names nothing"));
    assert!(error(at("*.parquet")).contains("names nothing"));
    assert!(error(at("**bad")).contains("no glob"));
    fs::create_dir(root.join("empty")).unwrap();
    assert!(error(at("empty")).contains("no files"));
}

#[test]
fn what_tells_of_the_data_is_read_only_where_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let texts = [
        "LICENSE.txt",
        "PROVENANCE.txt",
        "README.md.gz",
        "notice to quit.txt",
        "story.txt",
    ];
    for file in texts {
        fs::write(dir.path().join(file), "Some text.").unwrap();
    }
    fs::write(dir.path().join("readme.jsonl"), "{\"text\": \"x\"}\n").unwrap();
    let at = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let read = |inputs: &[String]| -> Vec<String> {
        let mut read = Vec::new();
        for input in expand(inputs).unwrap() {
            let mut pages = open(&input).unwrap();
            let name = input.name().strip_prefix(&at("")).unwrap().to_owned();
            match pages.by_ref().count() {
                0 => assert_eq!(pages.skipped(), &BTreeMap::from([(NOT_DATA, 1)]), "{name}"),
                _ => read.push(name),
            }
        }
        read
    };
    let data = ["notice to quit.txt", "readme.jsonl", "story.txt"];
    assert_eq!(read(&[dir.path().to_string_lossy().into_owned()]), data);
    // All are listed all the same, so that the report can name what is skipped.
    assert_eq!(expand(&[at("")]).unwrap().len(), 6);
    assert_eq!(read(&[at("*.txt")]), ["notice to quit.txt", "story.txt"]);
    assert_eq!(read(&[at("PROVENANCE.txt")]), ["PROVENANCE.txt"]);
    assert_eq!(read(&[at("[P]*.txt"), at("P*.txt")]), [""; 0]);
    // Named once is enough, before a directory or behind it.
    let all = ["PROVENANCE.txt", data[0], data[1], data[2]];
    assert_eq!(read(&[at("PROVENANCE.txt"), at("")]), all);
    assert_eq!(read(&[at(""), at("PROVENANCE.txt")]), all);
}

#[cfg(not(feature = "object-store"))]
#[test]
fn an_address_without_the_feature_is_refused_with_what_to_do() {
    for address in [
        "s3://bucket/a.warc.gz",
        "https://example.org/a.warc.gz",
        "gs://b/*",
    ] {
        let error = expand(&[address.to_owned()]).unwrap_err().to_string();
        assert!(
            error.contains(address) && error.contains("object-store"),
            "{error}"
        );
    }
}

/// Gives some bytes, then fails.
struct Failing(Cursor<Vec<u8>>);

impl io::Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(io::Error::other("the disk is gone")),
            n => Ok(n),
        }
    }
}

impl io::Seek for Failing {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_system_that_fails_is_told_apart_from_damage() {
    use super::samples::{gzip, page};
    for bytes in [
        page(0),
        gzip(&page(0)),
        b"{\"text\": \"x\"}\n".to_vec(),
        b"plain text, more than some".to_vec(),
    ] {
        let stored = Box::new(Failing(Cursor::new(bytes.repeat(20))));
        let limits = Limits { record: 1 << 20 };
        match Pages::new("a.txt", stored, 1 << 20, limits) {
            Err(e) => assert!(e.to_string().contains("the disk is gone")),
            Ok(mut pages) => {
                let last = pages.by_ref().last().unwrap();
                assert!(last.unwrap_err().what.contains("the disk is gone"));
                let failure = pages.failure().unwrap().to_string();
                assert!(failure.contains("a.txt") && failure.contains("the disk is gone"));
            }
        }
    }
}
