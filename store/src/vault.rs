//! Secrets at rest: AES-256-GCM under a master key that never touches the database.
//!
//! A sealed value is `version (1) | key id (4) | nonce (12) | ciphertext and tag`. The key id says which master key
//! opens it, so that a new master key can be brought in while values sealed under the old one stay readable.

use aes_gcm::aead::{Aead, Generate, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;

const VERSION: u8 = 1;
const KEY_ID: usize = 4;
const NONCE: usize = 12;

/// Why a value could not be sealed or opened. It tells nothing of the value or the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Too short, or of a version this program does not know.
    #[error("sealed value is malformed")]
    Malformed,
    /// Sealed under a master key that is not among the configured ones.
    #[error("sealed under a master key that is not configured")]
    UnknownKey,
    /// Changed since it was sealed, or moved to another row.
    #[error("sealed value failed authentication")]
    Refused,
    /// The cipher or the source of randomness failed.
    #[error("value could not be sealed")]
    NotSealed,
}

struct MasterKey {
    id: [u8; KEY_ID],
    bytes: SecretBox<[u8; 32]>,
}

impl MasterKey {
    fn new(bytes: &[u8; 32]) -> Self {
        let digest = Sha256::digest(bytes);
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&digest[..KEY_ID]);
        Self { id, bytes: SecretBox::init_with_mut(|key: &mut [u8; 32]| key.copy_from_slice(bytes)) }
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.bytes.expose_secret().into())
    }
}

/// Seals under one master key, opens under it and any older ones.
pub struct Vault {
    current: MasterKey,
    old: Vec<MasterKey>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("old_keys", &self.old.len()).finish_non_exhaustive()
    }
}

impl Vault {
    /// Seals and opens under `master_key`.
    #[must_use]
    pub fn new(master_key: &[u8; 32]) -> Self {
        Self { current: MasterKey::new(master_key), old: Vec::new() }
    }

    /// Also opens values that were sealed under these keys.
    #[must_use]
    pub fn with_old_keys<'a>(mut self, keys: impl IntoIterator<Item = &'a [u8; 32]>) -> Self {
        self.old.extend(keys.into_iter().map(MasterKey::new));
        self
    }

    /// The id of the master key that seals: the first bytes of its SHA-256. Every value sealed under it carries it.
    #[must_use]
    pub const fn current_key_id(&self) -> &[u8; KEY_ID] {
        &self.current.id
    }

    /// Seals `plaintext`. `aad` names where the value belongs, and must be given again to open it.
    ///
    /// # Errors
    /// [`VaultError::NotSealed`] when the operating system gives no randomness.
    pub fn seal(&self, plaintext: &str, aad: &str) -> Result<Vec<u8>, VaultError> {
        let nonce = Nonce::try_generate().map_err(|_| VaultError::NotSealed)?;
        let payload = Payload { msg: plaintext.as_bytes(), aad: aad.as_bytes() };
        let ciphertext = self.current.cipher().encrypt(&nonce, payload).map_err(|_| VaultError::NotSealed)?;
        let mut sealed = Vec::with_capacity(1 + KEY_ID + NONCE + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.current.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what [`Vault::seal`] made with the same `aad`.
    ///
    /// # Errors
    /// [`VaultError::Malformed`], [`VaultError::UnknownKey`] or [`VaultError::Refused`].
    pub fn open(&self, sealed: &[u8], aad: &str) -> Result<SecretString, VaultError> {
        let (&version, rest) = sealed.split_first().ok_or(VaultError::Malformed)?;
        if version != VERSION {
            return Err(VaultError::Malformed);
        }
        let (key_id, rest) = rest.split_first_chunk::<KEY_ID>().ok_or(VaultError::Malformed)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>().ok_or(VaultError::Malformed)?;
        let key = std::iter::once(&self.current)
            .chain(&self.old)
            .find(|key| key.id == *key_id)
            .ok_or(VaultError::UnknownKey)?;
        let payload = Payload { msg: ciphertext, aad: aad.as_bytes() };
        let plaintext = key.cipher().decrypt(nonce.into(), payload).map_err(|_| VaultError::Refused)?;
        match String::from_utf8(plaintext) {
            Ok(text) => Ok(SecretString::from(text)),
            Err(error) => {
                error.into_bytes().zeroize();
                Err(VaultError::Malformed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const OLD: [u8; 32] = [9; 32];

    #[test]
    fn what_was_sealed_opens_again() {
        let vault = Vault::new(&KEY);
        let sealed = vault.seal("whsec_abc", "row/1").unwrap();
        assert_eq!(vault.open(&sealed, "row/1").unwrap().expose_secret(), "whsec_abc");
    }

    #[test]
    fn the_same_text_never_seals_to_the_same_bytes() {
        let vault = Vault::new(&KEY);
        assert_ne!(vault.seal("text", "a").unwrap(), vault.seal("text", "a").unwrap());
    }

    #[test]
    fn a_sealed_value_moved_to_another_row_is_refused() {
        let vault = Vault::new(&KEY);
        let sealed = vault.seal("text", "row/1").unwrap();
        assert_eq!(vault.open(&sealed, "row/2").unwrap_err(), VaultError::Refused);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let vault = Vault::new(&KEY);
        let sealed = vault.seal("text", "row").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault.open(&changed, "row").is_err(), "byte {at}");
            assert!(vault.open(&sealed[..at], "row").is_err(), "cut at {at}");
        }
    }

    #[test]
    fn an_old_master_key_still_opens_and_an_unknown_one_is_named_as_such() {
        let sealed = Vault::new(&OLD).seal("text", "row").unwrap();
        let rotated = Vault::new(&KEY).with_old_keys([&OLD]);
        assert_eq!(rotated.open(&sealed, "row").unwrap().expose_secret(), "text");
        assert_eq!(Vault::new(&KEY).open(&sealed, "row").unwrap_err(), VaultError::UnknownKey);
    }

    #[test]
    fn debug_output_shows_no_key() {
        let shown = format!("{:?}", Vault::new(&KEY).with_old_keys([&OLD]));
        assert_eq!(shown, "Vault { old_keys: 1, .. }");
    }
}
