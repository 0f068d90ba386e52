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
