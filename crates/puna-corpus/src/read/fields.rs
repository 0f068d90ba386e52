//! Header fields as WARC and HTTP write them, read leniently.

use memchr::memchr;

/// The fields of a head, in order.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `name: value` lines up to the first blank one; a line that begins with a space goes on
    /// with the value before, one without a colon is passed over.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines(bytes) {
            let text = line.trim_ascii();
            if text.is_empty() {
                break;
            }
            let text = String::from_utf8_lossy(text);
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(&text);
                }
            } else if let Some((name, value)) = text.split_once(':') {
                fields.push((name.trim_end().to_owned(), value.trim_start().to_owned()));
            }
        }
        Self(fields)
    }

    /// The first value of a field that is not empty, whatever the case of its name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().filter(|f| f.0.eq_ignore_ascii_case(name));
        named.map(|f| f.1.trim()).find(|v| !v.is_empty())
    }
}

/// Lines without their ends.
pub(super) fn lines(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let end = memchr(b'\n', bytes);
        let line = &bytes[..end.unwrap_or(bytes.len())];
        bytes = &bytes[end.map_or(bytes.len(), |e| e + 1)..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
}

/// Where the first blank line ends.
pub(super) fn blank_line_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| match bytes.get(at + 1..)? {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}
