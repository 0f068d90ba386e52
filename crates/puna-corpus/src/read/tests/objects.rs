//! Inputs by address, from a small HTTP server.

use super::samples::{gzip, page};
use super::*;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Answers HEAD and ranged GET requests for one file; refuses the first request of each kind, so
/// that it must be tried again.
fn serve(listener: TcpListener, file: Vec<u8>) {
    let mut refused = [false; 2];
    for stream in listener.incoming() {
        let Ok(stream) = stream else { return };
        let _ = answer(stream, &file, &mut refused);
    }
}

fn answer(mut stream: TcpStream, file: &[u8], refused: &mut [bool; 2]) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut range) = (String::new(), None);
    reader.read_line(&mut line)?;
    let is_head = line.starts_with("HEAD");
    let found = line.contains("/crawl/a.warc.gz");
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        let field = field.trim().to_ascii_lowercase();
        if field.is_empty() {
            break;
        }
        if let Some(bytes) = field.strip_prefix("range: bytes=") {
            let (from, to) = bytes.split_once('-').unwrap();
            range = Some(from.parse::<usize>().unwrap()..to.parse::<usize>().unwrap() + 1);
        }
    }
    let close = "Connection: close\r\nLast-Modified: Mon, 06 May 2024 07:08:09 GMT\r\n";
    if !std::mem::replace(&mut refused[usize::from(is_head)], true) {
        return write!(
            stream,
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n{close}\r\n"
        );
    }
    if !found {
        return write!(
            stream,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n{close}\r\n"
        );
    }
    let length = file.len();
    match range {
        Some(range) => {
            let (from, to) = (range.start, range.end.min(length));
            write!(
                stream,
                "HTTP/1.1 206 Partial\r\nContent-Range: bytes {from}-{}/{length}\r\nContent-Length: {}\r\n{close}\r\n",
                to - 1,
                to - from
            )?;
            stream.write_all(&file[from..to])
        }
        None => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{close}\r\n"
            )?;
            if is_head {
                Ok(())
            } else {
                stream.write_all(file)
            }
        }
    }
}

#[test]
fn an_object_is_read_by_its_address() {
    let file: Vec<u8> = (0..20).flat_map(|n| gzip(&page(n))).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = file.clone();
    thread::spawn(move || serve(listener, served));
    let address = format!("http://127.0.0.1:{port}/crawl/a.warc.gz");
    let inputs = expand(std::slice::from_ref(&address)).unwrap();
    assert_eq!(
        (inputs[0].name(), inputs[0].bytes()),
        (address.as_str(), file.len() as u64)
    );
    let read = drain(open(&inputs[0]).unwrap(), file.len());
    assert_eq!(read.pages, read_as("a.warc.gz", &file).pages);

    let missing = format!("http://127.0.0.1:{port}/nothing.warc.gz");
    let error = expand(std::slice::from_ref(&missing))
        .unwrap_err()
        .to_string();
    assert!(error.contains(&missing), "{error}");
}

#[test]
fn what_cannot_be_reached_is_named() {
    // A port where nobody listens any more.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("http://127.0.0.1:{port}/a.warc.gz");
    let error = expand(std::slice::from_ref(&address))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&address) && error.contains("cannot be reached"),
        "{error}"
    );
    let error = expand(&["https://example.org/*.warc".to_owned()])
        .unwrap_err()
        .to_string();
    assert!(error.contains("wildcard"), "{error}");
}
