//! The key that secrets are encrypted under.

use super::Config;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// Why the master key cannot be used. Never says anything of the key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// Both ways at once.
    #[error("secrets.master_key: set it or secrets.master_key_file, not both")]
    Both,
    /// The file cannot be read.
    #[error("{0}: {1}: {2}")]
    File(&'static str, String, std::io::Error),
    /// Not the base64 of 32 bytes.
    #[error("{0}: must be the base64 of 32 bytes, as `openssl rand -base64 32` prints")]
    Malformed(&'static str),
    /// There is none, and this is not development.
    #[error("secrets.master_key: is needed unless in development mode (or set secrets.master_key_file)")]
    Missing,
}

impl Config {
    /// The configured key; `None` in development mode without one.
    ///
    /// # Errors
    /// It is needed and missing, unreadable or malformed.
    pub fn master_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, MasterKeyError> {
        let (text, key) = self.master_key_text()?;
        match text {
            Some(text) => decode(&text).map(Some).ok_or(MasterKeyError::Malformed(key)),
            None if self.is_development() => Ok(None),
            None => Err(MasterKeyError::Missing),
        }
    }

    /// Keys that open what was sealed under them, and seal nothing.
    ///
    /// # Errors
    /// One of them is unreadable or malformed.
    pub fn previous_master_keys(&self) -> Result<Vec<Zeroizing<[u8; 32]>>, MasterKeyError> {
        let inline = self.secrets.previous_master_keys.iter().cloned().map(Ok);
        let inline = inline.map(|text| (text, "secrets.previous_master_keys"));
        let files = self.secrets.previous_master_key_files.iter().map(|file| {
            let text = std::fs::read_to_string(file).map(SecretString::from);
            let key = "secrets.previous_master_key_files";
            (text.map_err(|e| MasterKeyError::File(key, file.clone(), e)), key)
        });
        inline.chain(files).map(|(text, key)| decode(&text?).ok_or(MasterKeyError::Malformed(key))).collect()
    }

    fn master_key_text(&self) -> Result<(Option<SecretString>, &'static str), MasterKeyError> {
        let (inline, file) = (&self.secrets.master_key, &self.secrets.master_key_file);
        match (inline.expose_secret().is_empty(), file.is_empty()) {
            (true, true) => Ok((None, "secrets.master_key")),
            (false, true) => Ok((Some(inline.clone()), "secrets.master_key")),
            (true, false) => {
                let key = "secrets.master_key_file";
                let text =
                    std::fs::read_to_string(file).map_err(|e| MasterKeyError::File(key, file.clone(), e))?;
                Ok((Some(text.into()), key))
            }
            (false, false) => Err(MasterKeyError::Both),
        }
    }
}

fn decode(text: &SecretString) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(STANDARD.decode(text.expose_secret().trim()).ok()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}
