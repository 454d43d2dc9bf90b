//! What makes a message one of somebody who has the token: ChaCha20-Poly1305 (RFC 8439) with a key from it.
//!
//! Nonces are random, 96 bits: some 2^32 messages may be sealed with a token.

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};

/// Seals and opens messages.
pub(super) struct Seal {
    key: Option<LessSafeKey>,
    random: SystemRandom,
    name: String,
}

impl Seal {
    /// The seal of a token.
    pub(super) fn of(token: &str) -> Self {
        let from = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
        let key = hmac::sign(&from, b"samara workers: key");
        let name = hmac::sign(&from, b"samara workers: name");
        Self {
            // A key of 32 bytes is always taken.
            key: UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).ok().map(LessSafeKey::new),
            random: SystemRandom::new(),
            name: name.as_ref().iter().take(10).map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// What those who share a token meet under: it follows from it and does not tell it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A number that nobody has used.
    pub(super) fn number(&self) -> Option<String> {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes).ok()?;
        Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// A message sealed for a purpose; `None` if there are no random numbers.
    pub(super) fn seal(&self, about: &[u8], message: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let mut body = message.to_vec();
        let (key, once) = (self.key.as_ref()?, Nonce::assume_unique_for_key(nonce));
        key.seal_in_place_append_tag(once, Aad::from(about), &mut body).ok()?;
        Some([&nonce[..], &body].concat())
    }

    /// The message that was sealed for a purpose, by somebody with the same token.
    pub(super) fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = body.to_vec();
        let opened = self.key.as_ref()?.open_in_place(nonce, Aad::from(about), &mut body).ok()?.len();
        body.truncate(opened);
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_the_token_can_read_or_write_and_only_for_the_purpose() {
        let (one, same, other) =
            (Seal::of("a token of 16 b."), Seal::of("a token of 16 b."), Seal::of("another"));
        let sealed = one.seal(b"ask 1", b"message").expect("random numbers");
        assert_eq!(same.open(b"ask 1", &sealed).as_deref(), Some(&b"message"[..]));
        assert_eq!(other.open(b"ask 1", &sealed), None);
        assert_eq!(same.open(b"ask 2", &sealed), None);
        assert!(!sealed.windows(7).any(|part| part == b"message"));
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(same.open(b"ask 1", &changed), None, "{position}");
        }
        assert_eq!(same.open(b"ask 1", &sealed[..5]), None);
        assert_ne!(one.name(), other.name());
        assert_eq!((one.name(), one.name().len()), (same.name(), 20));
        assert_ne!(one.number(), one.number());
    }
}
