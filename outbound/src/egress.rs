//! The egress guard against server-side request forgery: which addresses a URL set by a user may lead to.
//!
//! It checks twice: the URL when it is written, and the addresses that its host resolves to at the moment of connecting.
//! The second check is what stops DNS rebinding.

use futures::future::BoxFuture;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use url::{Host, Url};

/// The rules of the guard. By default only public addresses pass.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    /// Whether loopback addresses pass too (development).
    pub allow_loopback: bool,
    /// Networks that pass although they are not public.
    pub allow_cidrs: Vec<IpNet>,
}

/// Why a URL is not called, in words fit for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The text does not parse.
    #[error("not a URL: {0}")]
    Malformed(#[source] url::ParseError),
    /// The scheme is neither `http` nor `https`.
    #[error("scheme {0} is not allowed, only http and https")]
    Scheme(String),
    /// The URL holds a user or a password.
    #[error("credentials in a URL are not allowed")]
    Credentials,
    /// The port is 0.
    #[error("port 0 is not allowed")]
    Port,
    /// The URL has no host.
    #[error("the URL names no host")]
    NoHost,
    /// The host is an address that the guard refuses.
    #[error("address {0} is not allowed")]
    Address(IpAddr),
}

impl Egress {
    /// Parses a URL and refuses what can be refused without resolving its host.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn check_url(&self, url: &str) -> Result<Url, UrlError> {
        let url = Url::parse(url).map_err(UrlError::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if url.port() == Some(0) {
            return Err(UrlError::Port);
        }
        let literal = match url.host() {
            None => return Err(UrlError::NoHost),
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
        };
        match literal {
            Some(ip) if !self.allows(ip) => Err(UrlError::Address(ip)),
            _ => Ok(url),
        }
    }

    /// Whether a connection to this address is allowed.
    #[must_use]
    pub fn allows(&self, ip: IpAddr) -> bool {
        let ip = embedded_v4(ip).map_or(ip, IpAddr::V4);
        (ip.is_loopback() && self.allow_loopback)
            || self.allow_cidrs.iter().any(|net| net.contains(&ip))
            || is_public(ip)
    }
}

/// The IPv4 address embedded in an IPv6 address: mapped, compatible, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded_v4(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = ip else { return None };
    let s = v6.segments();
    let from = |hi: u16, lo: u16| {
        let [a, b] = hi.to_be_bytes();
        let [c, d] = lo.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, hi, lo] | [0x64, 0xff9b, 0, 0, 0, 0, hi, lo] => Some(from(hi, lo)),
        [0x2002, hi, lo, ..] => Some(from(hi, lo)),
        [0, 0, 0, 0, 0, 0, hi, lo] if hi != 0 => Some(from(hi, lo)),
        _ => None,
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// By the IANA IPv4 special-purpose registry (RFC 6890).
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

/// Only global unicast (`2000::/3`) less documentation, benchmarking, ORCHID and Teredo (RFC 6890).
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let global = s[0] & 0xe000 == 0x2000;
    let special = (s[0] == 0x2001 && (s[1] == 0xdb8 || s[1] < 0x200)) || (s[0] == 0x3fff && s[1] < 0x1000);
    global && !special
}

/// The host resolves, and the guard allows none of its addresses.
#[derive(Debug, thiserror::Error)]
#[error("{0} resolves to no allowed address")]
pub(crate) struct NoAllowedAddress(String);

/// Resolves a host name. Tests use a resolver of their own.
pub(crate) type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The resolver of the system.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

/// The resolver of the HTTP client: it passes on only the addresses that the guard allows.
#[derive(Clone)]
pub(crate) struct GuardedResolver {
    egress: Egress,
    lookup: Lookup,
}

impl GuardedResolver {
    pub(crate) fn new(egress: Egress, lookup: Lookup) -> Self {
        Self { egress, lookup }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let mut found = (this.lookup)(name.as_str().to_owned()).await?;
            found.retain(|address| this.egress.allows(address.ip()));
            if found.is_empty() {
                return Err(NoAllowedAddress(name.as_str().to_owned()).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
