//! The artifact with a trap in it: what a panic would be, if input could ever reach one.

use std::path::Path;

/// Copies an artifact and makes one of its exported functions trap at once.
///
/// Nothing else changes: the body of the function becomes `unreachable`, which is what a panic
/// compiles to in the end.
pub fn plant(wasm: &Path, export: &str, target: &Path) {
    let bytes = std::fs::read(wasm).expect("an artifact");
    std::fs::write(target, with_trap(&bytes, export)).expect("a file");
}

/// Ids of sections in the binary format.
const IMPORT: u8 = 2;
const EXPORT: u8 = 7;
const CODE: u8 = 10;

fn with_trap(wasm: &[u8], export: &str) -> Vec<u8> {
    let mut sections = Vec::new();
    let mut reader = Reader(&wasm[8..]);
    while !reader.0.is_empty() {
        let id = reader.byte();
        let length = reader.number();
        sections.push((id, reader.take(length)));
    }
    let section = |id| sections.iter().find(|(other, _)| *other == id).expect("a section").1;
    let function = exported(section(EXPORT), export) - imported_functions(section(IMPORT));
    let mut out = wasm[..8].to_vec();
    for (id, content) in &sections {
        let content = if *id == CODE { trapping(content, function) } else { content.to_vec() };
        out.push(*id);
        number(content.len(), &mut out);
        out.extend(content);
    }
    out
}

/// The code section with this body replaced: no locals, `unreachable`, `end`.
fn trapping(code: &[u8], function: usize) -> Vec<u8> {
    let mut reader = Reader(code);
    let count = reader.number();
    let mut out = Vec::new();
    number(count, &mut out);
    for index in 0..count {
        let length = reader.number();
        let body = reader.take(length);
        let body = if index == function { &[0, 0x00, 0x0b] } else { body };
        number(body.len(), &mut out);
        out.extend(body);
    }
    out
}

fn exported(section: &[u8], name: &str) -> usize {
    let mut reader = Reader(section);
    for _ in 0..reader.number() {
        let length = reader.number();
        let exported = reader.take(length);
        let (kind, index) = (reader.byte(), reader.number());
        if kind == 0 && exported == name.as_bytes() {
            return index;
        }
    }
    panic!("no function {name} is exported")
}

fn imported_functions(section: &[u8]) -> usize {
    let mut reader = Reader(section);
    let mut functions = 0;
    for _ in 0..reader.number() {
        for _ in 0..2 {
            let length = reader.number();
            reader.take(length);
        }
        assert_eq!(reader.byte(), 0, "the filter imports functions only");
        reader.number();
        functions += 1;
    }
    functions
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    /// LEB128.
    fn number(&mut self) -> usize {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }
}

fn number(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
