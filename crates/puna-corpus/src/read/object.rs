//! Objects of stores by address: s3://, gs://, az://, http(s)://. What fails is retried with growing
//! pauses; then the address is named. Credentials come from the environment, as for other tools.

use super::input::{GLOB, Input};
use super::stored::ReadSeek;
use crate::error::{Error, Result};
use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{
    ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, ObjectStoreScheme, RetryConfig,
};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;
use url::{Position, Url};

/// Bytes asked for at once.
const BLOCK: u64 = 8 << 20;
/// How long one request is tried again.
const RETRY: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 120 });

/// The objects that an address names: one, those below a prefix, or those that a glob matches.
pub(super) fn list(address: &str) -> Result<Vec<Input>> {
    let fail = |what: String| Error::Input {
        input: address.into(),
        what,
    };
    // The part before the first wildcard is listed, up to its last slash.
    let scheme_end = address.find("://").map_or(0, |at| at + 3);
    let wildcard = address[scheme_end..]
        .find(['*', '?', '['])
        .map(|at| at + scheme_end);
    let listed = wildcard.map_or(address, |at| {
        let slash = address[..at].rfind('/').map_or(at, |slash| slash + 1);
        &address[..slash]
    });
    let (store, path, scheme) = open_store(listed).map_err(fail)?;
    if scheme == ObjectStoreScheme::Http {
        if wildcard.is_some() {
            return Err(fail(
                "has a wildcard or a query, which http(s) cannot list".into(),
            ));
        }
        let found = block_on(store.head(&path)).map_err(|e| fail(reason(&e)))?;
        return Ok(vec![Input::object(address.into(), found.size)]);
    }
    if wildcard.is_none() && !listed.ends_with('/') {
        match block_on(store.head(&path)) {
            Ok(found) => return Ok(vec![Input::object(address.into(), found.size)]),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(e) => return Err(fail(reason(&e))),
        }
    }
    let pattern = wildcard.map(|_| glob::Pattern::new(address)).transpose();
    let pattern = pattern.map_err(|e| fail(format!("no glob: {e}")))?;
    let objects = block_on(below(&*store, path.clone())).map_err(|e| fail(reason(&e)))?;
    let mut inputs = Vec::new();
    for object in objects {
        let Some(rest) = object.location.prefix_match(&path) else {
            continue;
        };
        let mut name = listed.trim_end_matches('/').to_owned();
        for part in rest {
            name.push('/');
            name.push_str(part.as_ref());
        }
        if object.size > 0 && pattern.as_ref().is_none_or(|p| p.matches_with(&name, GLOB)) {
            inputs.push(Input::object(name, object.size));
        }
    }
    if inputs.is_empty() {
        return Err(fail(
            "names no object; give an object, a prefix or a glob".into(),
        ));
    }
    Ok(inputs)
}

/// All objects below a prefix.
async fn below(store: &dyn ObjectStore, prefix: Path) -> object_store::Result<Vec<ObjectMeta>> {
    let (mut found, mut left) = (Vec::new(), vec![prefix]);
    while let Some(prefix) = left.pop() {
        let listed = store.list_with_delimiter(Some(&prefix)).await?;
        found.extend(listed.objects);
        left.extend(listed.common_prefixes);
    }
    Ok(found)
}

/// Opens an object, to be read in blocks.
pub(super) fn open(address: &str, length: u64) -> Result<Box<dyn ReadSeek>> {
    let (store, path, _) = open_store(address).map_err(|what| Error::Input {
        input: address.into(),
        what,
    })?;
    Ok(Box::new(Object {
        store,
        path,
        length,
        position: 0,
        block: Bytes::new(),
        block_start: 0,
    }))
}

type Opened = (Arc<dyn ObjectStore>, Path, ObjectStoreScheme);

fn open_store(address: &str) -> std::result::Result<Opened, String> {
    // Another part of the program may have chosen already, and its choice serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = Url::parse(address).map_err(|e| format!("no address: {e}"))?;
    let (scheme, path) = ObjectStoreScheme::parse(&url).map_err(|e| e.to_string())?;
    let retry = RetryConfig {
        retry_timeout: RETRY,
        ..RetryConfig::default()
    };
    let store: object_store::Result<Arc<dyn ObjectStore>> = match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::from_env()
                .with_url(address)
                .with_retry(retry);
            builder.build().map(|s| Arc::new(s) as _)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(address);
            builder.with_retry(retry).build().map(|s| Arc::new(s) as _)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(address);
            builder.with_retry(retry).build().map(|s| Arc::new(s) as _)
        }
        ObjectStoreScheme::Http => {
            let options = ClientOptions::new().with_allow_http(url.scheme() == "http");
            let builder = HttpBuilder::new().with_url(&url[..Position::BeforePath]);
            let builder = builder.with_client_options(options).with_retry(retry);
            builder.build().map(|s| Arc::new(s) as _)
        }
        _ => return Err("of no store that can be read".into()),
    };
    Ok((store.map_err(|e| reason(&e))?, path, scheme))
}

/// An error with those below it, each once: the outermost often says the least.
fn reason(error: &object_store::Error) -> String {
    let mut reason = format!("cannot be reached: {error}");
    let mut below = std::error::Error::source(error);
    while let Some(error) = below {
        let text = error.to_string();
        if !reason.contains(&text) {
            reason = format!("{reason}: {text}");
        }
        below = error.source();
    }
    reason
}

fn block_on<T>(work: impl Future<Output = object_store::Result<T>>) -> object_store::Result<T> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build()
    });
    match runtime {
        Ok(runtime) => runtime.block_on(work),
        Err(e) => Err(object_store::Error::Generic {
            store: "runtime",
            source: io::Error::new(e.kind(), e.to_string()).into(),
        }),
    }
}

/// An object that is read in blocks.
struct Object {
    store: Arc<dyn ObjectStore>,
    path: Path,
    length: u64,
    position: u64,
    block: Bytes,
    block_start: u64,
}

impl Read for Object {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.length || out.is_empty() {
            return Ok(0);
        }
        let block_end = self.block_start + self.block.len() as u64;
        if !(self.block_start..block_end).contains(&self.position) {
            let end = self.length.min(self.position + BLOCK);
            let block = block_on(self.store.get_range(&self.path, self.position..end));
            self.block = block.map_err(|e| io::Error::other(reason(&e)))?;
            self.block_start = self.position;
            if self.block.is_empty() {
                return Err(io::Error::other(
                    "the store gives fewer bytes than it named",
                ));
            }
        }
        let from = (self.position - self.block_start) as usize;
        let n = out.len().min(self.block.len().saturating_sub(from));
        out[..n].copy_from_slice(&self.block[from..from + n]);
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for Object {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(back) => self.length.checked_add_signed(back),
            SeekFrom::Current(step) => self.position.checked_add_signed(step),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
