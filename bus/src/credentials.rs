//! The user and password in the address of a server: the client reads them and does not send them.

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

/// Sends the user and password of the first address that has some; a user alone is a token, as NATS has it.
pub(crate) fn with_credentials(options: ConnectOptions, addresses: &[&str]) -> ConnectOptions {
    // What is no address is told of by whoever connects.
    let mut known = addresses.iter().filter_map(|address| address.parse::<ServerAddr>().ok());
    let Some(address) = known.find(ServerAddr::has_user_pass) else { return options };
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (address.username(), address.password()) {
        (Some(user), Some(password)) => options.user_and_password(plain(user), plain(password)),
        (Some(token), None) => options.token(plain(token)),
        (None, _) => options,
    }
}
