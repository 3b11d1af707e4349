//! The keys that callback secrets are encrypted under.

use super::faults::Faults;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use store::vault::Vault;

/// The section `secrets`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    pub master_key: SecretString,
    pub master_key_file: String,
    pub previous_master_keys: Vec<SecretString>,
    pub previous_master_key_files: Vec<String>,
}

/// Why the master key cannot be used. No text repeats any part of the key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The key is set both inline and by a file.
    #[error("secrets.master_key: set it or secrets.master_key_file, not both")]
    Both,
    /// The file cannot be read: key of the configuration, path, cause.
    #[error("{0}: {1}: {2}")]
    File(&'static str, String, std::io::Error),
    /// The text is not the base64 of 32 bytes.
    #[error("{0}: must be the base64 of 32 bytes, as `openssl rand -base64 32` prints")]
    Malformed(&'static str),
    /// There is no key, and this is not development mode.
    #[error("secrets.master_key: is needed unless in development mode (or set secrets.master_key_file)")]
    Missing,
}

type Key = Zeroizing<[u8; 32]>;

impl Secrets {
    pub(super) fn check(&self, is_development: bool, faults: &mut Faults) {
        let current = self.master_key(is_development).err();
        for error in [current, self.previous_master_keys().err()].into_iter().flatten() {
            faults.line(error.to_string());
        }
    }

    /// Opens and seals callback secrets. In development mode without a key it makes one up, which the next run does not
    /// know.
    pub(super) fn vault(&self, is_development: bool) -> Result<Vault, MasterKeyError> {
        if let Some(key) = self.master_key(is_development)? {
            let previous = self.previous_master_keys()?;
            return Ok(Vault::new(&key).with_old_keys(previous.iter().map(|key| &**key)));
        }
        tracing::warn!("no secrets.master_key: callback secrets made in this run cannot be read by the next");
        Ok(Vault::new(&rand::random()))
    }

    /// The key to seal with; `None` in development mode without one.
    pub(super) fn master_key(&self, is_development: bool) -> Result<Option<Key>, MasterKeyError> {
        let (text, key) = self.master_key_text()?;
        match text {
            Some(text) => decode(&text).map(Some).ok_or(MasterKeyError::Malformed(key)),
            None if is_development => Ok(None),
            None => Err(MasterKeyError::Missing),
        }
    }

    /// Keys that open what was sealed under them, and seal nothing.
    fn previous_master_keys(&self) -> Result<Vec<Key>, MasterKeyError> {
        let inline = self.previous_master_keys.iter().cloned().map(Ok);
        let inline = inline.map(|text| (text, "secrets.previous_master_keys"));
        let files = self.previous_master_key_files.iter().map(|file| {
            let key = "secrets.previous_master_key_files";
            (read(key, file), key)
        });
        inline.chain(files).map(|(text, key)| decode(&text?).ok_or(MasterKeyError::Malformed(key))).collect()
    }

    fn master_key_text(&self) -> Result<(Option<SecretString>, &'static str), MasterKeyError> {
        let (inline, file) = (&self.master_key, &self.master_key_file);
        match (inline.expose_secret().is_empty(), file.is_empty()) {
            (true, true) => Ok((None, "secrets.master_key")),
            (false, true) => Ok((Some(inline.clone()), "secrets.master_key")),
            (true, false) => {
                let key = "secrets.master_key_file";
                Ok((Some(read(key, file)?), key))
            }
            (false, false) => Err(MasterKeyError::Both),
        }
    }
}

fn read(key: &'static str, file: &str) -> Result<SecretString, MasterKeyError> {
    let text = std::fs::read_to_string(file).map(SecretString::from);
    text.map_err(|error| MasterKeyError::File(key, file.to_owned(), error))
}

fn decode(text: &SecretString) -> Option<Key> {
    let bytes = Zeroizing::new(STANDARD.decode(text.expose_secret().trim()).ok()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}
