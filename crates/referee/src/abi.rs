//! Contract values as the ABI encodes them: as much of it as the verifier's interfaces use.

use protocol::{Address, Hash};
use serde_json::Value as Json;
use std::fmt::{self, Write as _};

/// A value that goes into a call, or comes out of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One word: a number, a flag, an address, fixed bytes.
    Word([u8; 32]),
    /// `bytes` or `string`.
    Bytes(Vec<u8>),
    /// A struct, an array of fixed length, or a list of arguments.
    Tuple(Vec<Value>),
    /// An array.
    List(Vec<Value>),
}

impl Value {
    /// An unsigned number.
    #[must_use]
    pub fn uint(number: u128) -> Self {
        let mut word = [0; 32];
        word[16..].copy_from_slice(&number.to_be_bytes());
        Self::Word(word)
    }

    /// A signed number.
    #[must_use]
    pub fn int(number: i128) -> Self {
        let mut word = [if number < 0 { 0xFF } else { 0 }; 32];
        word[16..].copy_from_slice(&number.to_be_bytes());
        Self::Word(word)
    }

    /// A flag.
    #[must_use]
    pub fn flag(flag: bool) -> Self {
        Self::uint(flag.into())
    }

    /// An address.
    #[must_use]
    pub fn address(address: &Address) -> Self {
        let mut word = [0; 32];
        word[12..].copy_from_slice(&address.0);
        Self::Word(word)
    }

    /// `bytes32`.
    #[must_use]
    pub fn hash(hash: &Hash) -> Self {
        Self::Word(hash.0)
    }

    /// The number in a word, when it is one that fits.
    #[must_use]
    pub fn as_u128(&self) -> Option<u128> {
        match self {
            Self::Word(word) if word[..16] == [0; 16] => {
                Some(u128::from_be_bytes(word[16..].try_into().ok()?))
            }
            _ => None,
        }
    }

    /// The signed number in a word, when it is one that fits.
    #[must_use]
    pub fn as_i128(&self) -> Option<i128> {
        let Self::Word(word) = self else { return None };
        let number = i128::from_be_bytes(word[16..].try_into().ok()?);
        let sign = if number < 0 { 0xFF } else { 0 };
        word[..16].iter().all(|&byte| byte == sign).then_some(number)
    }

    /// The word as `bytes32`.
    #[must_use]
    pub fn as_hash(&self) -> Option<Hash> {
        match self {
            Self::Word(word) => Some(Hash(*word)),
            _ => None,
        }
    }

    fn is_dynamic(&self) -> bool {
        match self {
            Self::Word(_) => false,
            Self::Bytes(_) | Self::List(_) => true,
            Self::Tuple(items) => items.iter().any(Self::is_dynamic),
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Word(word) => out.extend(word),
            Self::Bytes(bytes) => {
                put_length(bytes.len(), out);
                out.extend(bytes);
                out.resize(out.len().next_multiple_of(32), 0);
            }
            Self::Tuple(items) => out.extend(encode(items)),
            Self::List(items) => {
                put_length(items.len(), out);
                out.extend(encode(items));
            }
        }
    }
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    out.extend([0; 24]);
    out.extend((length as u64).to_be_bytes());
}

/// Encodes arguments, or the components of a struct.
#[must_use]
pub fn encode(values: &[Value]) -> Vec<u8> {
    let (mut heads, mut tails) = (Vec::new(), Vec::new());
    let size = |value: &Value| {
        if value.is_dynamic() {
            return 32;
        }
        let mut head = Vec::new();
        value.put(&mut head);
        head.len()
    };
    let heads_size: usize = values.iter().map(size).sum();
    for value in values {
        if value.is_dynamic() {
            put_length(heads_size + tails.len(), &mut heads);
            value.put(&mut tails);
        } else {
            value.put(&mut heads);
        }
    }
    heads.append(&mut tails);
    heads
}

/// A type, as the ABI of an artifact names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// One word, and how it is written.
    Word(String),
    /// `bytes`.
    Bytes,
    /// `string`.
    Text,
    /// A struct.
    Tuple(Vec<Parameter>),
    /// An array; with its length when that is fixed.
    Array(Box<Type>, Option<usize>),
}

/// A named value of a function, an error or a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// The type that the source gives it: `contract ITaker`, `struct StepInput`.
    pub declared: String,
}

impl Parameter {
    /// The parameters of one ABI entry, under `field`.
    #[must_use]
    pub fn list(entry: &Json, field: &str) -> Vec<Self> {
        entry[field].as_array().map_or(Vec::new(), |list| list.iter().map(Self::from_json).collect())
    }

    fn from_json(json: &Json) -> Self {
        let text = |field: &str| json[field].as_str().unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            kind: Type::from_json(&text("type"), json),
            declared: text("internalType"),
        }
    }
}

impl Type {
    fn from_json(name: &str, json: &Json) -> Self {
        if let Some((item, length)) = name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) {
            return Self::Array(Box::new(Self::from_json(item, json)), length.parse().ok());
        }
        match name {
            "bytes" => Self::Bytes,
            "string" => Self::Text,
            "tuple" => Self::Tuple(Parameter::list(json, "components")),
            _ => Self::Word(name.to_owned()),
        }
    }

    /// Its canonical name, as selectors hash it.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Word(name) => name.clone(),
            Self::Bytes => "bytes".into(),
            Self::Text => "string".into(),
            Self::Tuple(parameters) => canonical(parameters),
            Self::Array(item, length) => {
                format!("{}[{}]", item.canonical(), length.map_or(String::new(), |length| length.to_string()))
            }
        }
    }

    fn is_dynamic(&self) -> bool {
        match self {
            Self::Word(_) => false,
            Self::Bytes | Self::Text | Self::Array(_, None) => true,
            Self::Tuple(parameters) => parameters.iter().any(|parameter| parameter.kind.is_dynamic()),
            Self::Array(item, Some(_)) => item.is_dynamic(),
        }
    }

    /// Words that it takes in the heads of what holds it.
    fn head_size(&self) -> usize {
        match self {
            _ if self.is_dynamic() => 32,
            Self::Tuple(parameters) => parameters.iter().map(|parameter| parameter.kind.head_size()).sum(),
            Self::Array(item, Some(length)) => length * item.head_size(),
            _ => 32,
        }
    }

    fn take(&self, data: &[u8]) -> Option<Value> {
        match self {
            Self::Word(_) => Some(Value::Word(data.get(..32)?.try_into().ok()?)),
            Self::Bytes | Self::Text => {
                let length = length_at(data, 0)?;
                Some(Value::Bytes(data.get(32..32 + length)?.to_vec()))
            }
            Self::Tuple(parameters) => Some(Value::Tuple(decode(parameters, data)?)),
            Self::Array(item, Some(length)) => Some(Value::Tuple(take_all(item, *length, data)?)),
            Self::Array(item, None) => {
                let length = length_at(data, 0)?;
                Some(Value::List(take_all(item, length, data.get(32..)?)?))
            }
        }
    }
}

/// Canonical names of parameters, in brackets.
#[must_use]
pub fn canonical(parameters: &[Parameter]) -> String {
    let names: Vec<_> = parameters.iter().map(|parameter| parameter.kind.canonical()).collect();
    format!("({})", names.join(","))
}

fn length_at(data: &[u8], at: usize) -> Option<usize> {
    let word = data.get(at..at + 32)?;
    let length = u64::from_be_bytes(word[24..].try_into().ok()?);
    (word[..24] == [0; 24] && length <= data.len() as u64).then_some(length as usize)
}

fn take_one(kind: &Type, data: &[u8], at: &mut usize) -> Option<Value> {
    let start = *at;
    *at += kind.head_size();
    let from = if kind.is_dynamic() { length_at(data, start)? } else { start };
    kind.take(data.get(from..)?)
}

fn take_all(kind: &Type, count: usize, data: &[u8]) -> Option<Vec<Value>> {
    let mut at = 0;
    (0..count).map(|_| take_one(kind, data, &mut at)).collect()
}

/// Decodes values; `None` when the data is none of these.
#[must_use]
pub fn decode(parameters: &[Parameter], data: &[u8]) -> Option<Vec<Value>> {
    let mut at = 0;
    parameters.iter().map(|parameter| take_one(&parameter.kind, data, &mut at)).collect()
}

/// Values as a reader wants them: `name: value, …`.
#[must_use]
pub fn describe(parameters: &[Parameter], values: &[Value]) -> String {
    let mut out = String::new();
    for (at, (parameter, value)) in parameters.iter().zip(values).enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        let name = if parameter.name.is_empty() { String::new() } else { format!("{}: ", parameter.name) };
        let _ = write!(out, "{separator}{name}{}", Described(&parameter.kind, value));
    }
    out
}

struct Described<'a>(&'a Type, &'a Value);

impl fmt::Display for Described<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Type::Word(name), Value::Word(word)) => write_word(out, name, self.1, word),
            (Type::Text, Value::Bytes(bytes)) => write!(out, "{:?}", String::from_utf8_lossy(bytes)),
            (_, Value::Bytes(bytes)) => write!(out, "0x{}", hex(bytes)),
            (Type::Tuple(parameters), Value::Tuple(values)) => {
                write!(out, "({})", describe(parameters, values))
            }
            (Type::Array(item, _), Value::Tuple(values) | Value::List(values)) => {
                let items: Vec<_> = values.iter().map(|value| Described(item, value).to_string()).collect();
                write!(out, "[{}]", items.join(", "))
            }
            (_, value) => write!(out, "{value:?}"),
        }
    }
}

fn write_word(out: &mut fmt::Formatter<'_>, name: &str, value: &Value, word: &[u8; 32]) -> fmt::Result {
    match (name, value.as_u128(), value.as_i128()) {
        ("bool", Some(flag), _) => write!(out, "{}", flag != 0),
        ("bytes32", ..) => match short_text(word) {
            Some(text) => write!(out, "{text:?}"),
            None => write!(out, "0x{}", hex(word)),
        },
        (name, _, Some(number)) if name.starts_with("int") => write!(out, "{number}"),
        (name, Some(number), _) if name.starts_with("uint") => write!(out, "{number}"),
        _ => write!(out, "0x{}", hex(word)),
    }
}

/// The text in a word: printable bytes, then zeros.
fn short_text(word: &[u8; 32]) -> Option<&str> {
    let end = word.iter().position(|&byte| byte == 0).unwrap_or(32);
    let printable = word[..end].iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    (end > 0 && printable && word[end..].iter().all(|&byte| byte == 0))
        .then(|| std::str::from_utf8(&word[..end]).ok())
        .flatten()
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Bytes of hexadecimal digits, with or without `0x`.
#[must_use]
pub fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.strip_prefix("0x").unwrap_or(digits).as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(pair).collect()).flatten()
}
