//! Which addresses a user's URL may lead to. Checked twice: when a URL is written, and again on the addresses that
//! its name resolves to at the moment of connecting, so that a name cannot be rebound in between.

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// The guard. By default only public addresses pass.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    /// Loopback passes too (development).
    pub allow_loopback: bool,
    /// Networks that pass although they are not public.
    pub allow_cidrs: Vec<IpNet>,
}

impl Egress {
    /// Parses a URL and refuses what can be refused without resolving its name.
    ///
    /// # Errors
    /// Words fit for whoever wrote the URL.
    pub fn check_url(&self, url: &str) -> Result<Url, String> {
        let url = Url::parse(url).map_err(|e| format!("not a URL: {e}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("scheme {} is not allowed, only http and https", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("credentials in a URL are not allowed".to_owned());
        }
        let literal = match url.host() {
            None => return Err("the URL names no host".to_owned()),
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
        };
        match literal {
            Some(ip) if !self.allows(ip) => Err(format!("address {ip} is not allowed")),
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

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 (RFC 6052) and 6to4 (RFC 3056).
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

/// Resolves names and gives the connector only addresses that pass.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver(pub(crate) Egress);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| egress.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(format!("{} resolves to no allowed address", name.as_str()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_urls_are_refused() {
        let hostile = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://0.0.0.0/",
            "http://0/",
            "http://10.0.0.1/",
            "http://172.16.0.1/",
            "http://172.31.255.255/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://100.64.0.1/",
            "http://192.0.0.1/",
            "http://198.18.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://240.0.0.1/",
            "http://192.0.2.1/",
            "http://198.51.100.1/",
            "http://203.0.113.1/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::a00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[fe80::1]/",
            "http://[fc00::1]/",
            "http://[fd00:ec2::254]/",
            "http://[ff02::1]/",
            "http://[2001:db8::1]/",
            "http://[2001::1]/",
            "http://[100::1]/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "gopher://x/",
            "http://user@example.org/",
            "http://user:pw@example.org/",
            "http://",
            "not a url",
            "javascript:alert(1)",
        ];
        for url in hostile {
            assert!(Egress::default().check_url(url).is_err(), "{url} passed");
        }
    }

    #[test]
    fn public_urls_pass() {
        for url in ["https://example.org/hook", "http://8.8.8.8/", "https://[2606:4700::1111]/x?y=z"] {
            assert!(Egress::default().check_url(url).is_ok(), "{url} was refused");
        }
    }

    #[test]
    fn loopback_and_listed_networks_pass_when_asked_for() {
        let egress =
            Egress { allow_loopback: true, allow_cidrs: vec!["10.1.0.0/16".parse().expect("a network")] };
        assert!(egress.check_url("http://127.0.0.1:9/").is_ok());
        assert!(egress.check_url("http://10.1.2.3/").is_ok());
        assert!(egress.check_url("http://10.2.2.3/").is_err());
    }
}
