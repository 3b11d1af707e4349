//! User and password in the address of a server. The client parses them but does not send them by itself.

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

/// Authenticates with the user and password of the first address that has some. A user without a password is a token, as
/// in other NATS clients.
pub(crate) fn with_credentials(options: ConnectOptions, addresses: &[&str]) -> ConnectOptions {
    // A malformed address is ignored here; connecting reports it.
    let mut known = addresses.iter().filter_map(|address| address.parse::<ServerAddr>().ok());
    let Some(address) = known.find(ServerAddr::has_user_pass) else { return options };
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (address.username(), address.password()) {
        (Some(user), Some(password)) => options.user_and_password(plain(user), plain(password)),
        (Some(token), None) => options.token(plain(token)),
        (None, _) => options,
    }
}
