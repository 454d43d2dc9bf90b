//! The token that workers must send: from a file or a variable, or made for one session. It is never an argument.

use std::path::Path;

use crate::exit::Failure;

/// The variable that holds it.
pub(crate) const VARIABLE: &str = "SAMARA_WORKER_TOKEN";
/// Characters at least: who knows it may give results.
const LEAST: usize = 16;
/// Bytes of its file at most.
const MOST_BYTES: u64 = 4096;

/// The token of a file, or else of the variable; `None` if neither is there.
///
/// # Errors
/// It can't be read, or is no good token.
pub(crate) fn given(file: Option<&Path>) -> Result<Option<String>, Failure> {
    if let Some(file) = file {
        let place = file.display().to_string();
        let text = samara_lm::files::read_text(file, MOST_BYTES)
            .map_err(|error| Failure::usage(format!("the token file {place} can't be read: {error}")))?;
        return checked(&text, &place).map(Some);
    }
    match std::env::var(VARIABLE) {
        Ok(text) => checked(&text, &format!("the variable {VARIABLE}")).map(Some),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::usage(format!("the variable {VARIABLE} is no text")))
        }
    }
}

fn checked(text: &str, place: &str) -> Result<String, Failure> {
    let token = text.trim();
    if token.len() < LEAST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(format!(
            "{place} holds no token: {LEAST} visible ASCII characters or more\nhint: openssl rand -hex 32"
        )));
    }
    Ok(token.to_owned())
}

/// A new random token.
pub(crate) fn made() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::internal(format!("no random numbers for a token: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_visible() {
        assert_eq!(checked(" 0123456789abcdef\n", "x").ok(), Some("0123456789abcdef".to_owned()));
        for bad in ["", "short", "0123456789abcde é", "0123456789 abcdef", "0123456789abc\u{1b}def"] {
            let failure = checked(bad, "the file").expect_err("no token");
            assert!(!failure.message.contains("0123456789"), "it is not shown: {}", failure.message);
        }
        assert_ne!(made().ok(), made().ok());
    }
}
