//! NKeys and the JWTs that are signed with them, as NATS has them (ADR-14): enough to set up an operator with an account and
//! a user, without any tool. The keys are known to everybody.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

/// What a key is for: the byte before it.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Kind {
    Account = 0,
    Operator = 14 << 3,
    User = 20 << 3,
}

/// A key pair.
pub(crate) struct Key {
    pair: Ed25519KeyPair,
    pub(crate) public: String,
    pub(crate) seed: String,
}

impl Key {
    /// The user's key of that number.
    pub(crate) fn user(number: u8) -> Self {
        Self::new(Kind::User, number)
    }

    fn new(kind: Kind, number: u8) -> Self {
        let secret = [number; 32];
        let pair = Ed25519KeyPair::from_seed_unchecked(&secret).unwrap();
        let kind = kind as u8;
        let public = encoded([&[kind], pair.public_key().as_ref()].concat());
        let seed = encoded([&[18 << 3 | kind >> 5, (kind & 31) << 3][..], &secret].concat());
        Self { pair, public, seed }
    }

    fn signed(&self, subject: &Self, name: &str, about: &Value) -> String {
        let claims = json!({
            "jti": "0", "iat": 1_700_000_000, "iss": self.public, "sub": subject.public, "name": name, "nats": about,
        });
        let part = |value: &Value| BASE64.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" })), part(&claims));
        format!("{text}.{}", BASE64.encode(self.pair.sign(text.as_bytes())))
    }
}

/// An operator with an account that may use JetStream: what its server is told, and the file of a user's credentials.
pub(crate) fn operator() -> (String, String) {
    let (operator, system) = (Key::new(Kind::Operator, 1), Key::new(Kind::Account, 2));
    let (account, user) = (Key::new(Kind::Account, 3), Key::user(4));
    let unlimited =
        |names: &[&str]| -> Value { names.iter().map(|name| ((*name).to_owned(), json!(-1))).collect() };
    let mut limits = unlimited(&["subs", "data", "payload", "imports", "exports", "conn", "leaf"]);
    limits["wildcards"] = json!(true);
    let of_account = |limits: &Value| json!({ "type": "account", "version": 2, "limits": limits });
    let of_system = operator.signed(&system, "SYS", &of_account(&limits));
    for name in ["mem_storage", "disk_storage", "streams", "consumer"] {
        limits[name] = json!(-1);
    }
    let of_account = operator.signed(&account, "A", &of_account(&limits));
    let mut about = unlimited(&["subs", "data", "payload"]);
    (about["type"], about["version"]) = (json!("user"), json!(2));
    let of_user = account.signed(&user, "samara", &about);
    let about = json!({ "type": "operator", "version": 2, "system_account": system.public });
    let of_operator = operator.signed(&operator, "O", &about);
    let server = format!(
        "operator: {of_operator}\nsystem_account: {0}\nresolver: MEMORY\nresolver_preload: {{ {0}: {of_system}\n {1}: \
         {of_account} }}\n",
        system.public, account.public
    );
    let credentials = format!(
        "-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed
    );
    (server, credentials)
}

/// Base32 of bytes and their CRC-16, the low byte first, without padding.
fn encoded(mut bytes: Vec<u8>) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    bytes.extend(crc(&bytes).to_le_bytes());
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let letter = |five: &[u8]| {
        let number = (0..5).fold(0, |number, bit| number << 1 | five.get(bit).copied().unwrap_or(0));
        char::from(LETTERS[usize::from(number)])
    };
    bits.chunks(5).map(letter).collect()
}

/// CRC-16 as XMODEM has it.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

#[test]
fn keys_look_as_they_do_elsewhere() {
    assert_eq!(crc(b"123456789"), 0x31c3, "the check of CRC-16/XMODEM");
    let key = Key::user(7);
    assert!(key.public.starts_with('U') && key.public.len() == 56, "{}", key.public);
    assert!(key.seed.starts_with("SU") && key.seed.len() == 58, "{}", key.seed);
    assert!(Key::new(Kind::Account, 7).public.starts_with('A'));
    assert!(Key::new(Kind::Operator, 7).public.starts_with('O'));
}
