use super::*;

/// Refused before any name is resolved.
const HOSTILE: [&str; 76] = [
    // Loopback and this host, in every notation that a URL has for an IPv4 address.
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7F.0x00.0x00.0x01/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0177.0.0.0x1/",
    "http://127.255.255.254/",
    "http://0.0.0.0/",
    "http://0/",
    "http://0x0/",
    "http://00/",
    "http://0.1.2.3/",
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http://%31%32%37.0.0.1/",
    "https://127.0.0.1:8443/",
    "http://127.0.0.1:80/",
    "http:127.0.0.1/",
    "http:\\\\127.0.0.1\\",
    "http:///127.0.0.1/",
    "HTTP://127.0.0.1/",
    "http://127.0.0.1?x=@example.org/",
    "http://127.0.0.1#@example.org/",
    "http://1\t27.0.0.1/",
    // Private networks, CGNAT and other ranges that are not public.
    "http://10.0.0.1/",
    "http://0xa000001/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://3232235777/",
    "http://100.64.0.1/",
    "http://100.127.255.255/",
    "http://192.0.0.1/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    // Metadata services of clouds.
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/",
    "http://169.254.170.2/v2/credentials",
    "http://100.100.100.200/latest/meta-data/",
    "http://[fd00:ec2::254]/",
    // IPv6, and IPv4 within IPv6.
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::a00:1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[fec0::1]/",
    "http://[fc00::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[100::1]/",
    "http://[2001:20::1]/",
    "http://[2001:2::1]/",
];

/// Refused whatever the host.
const MALFORMED: [&str; 16] = [
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://x/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "ws://example.org/",
    "unix:/var/run/docker.sock",
    "http://user@example.org/",
    "http://user:pw@example.org/",
    "http://example.org@127.0.0.1/",
    "http://127.0.0.1:80@example.org/",
    "http://example.org:99999/",
    "http://example.org:0/",
    "http://256.0.0.1/",
    "http://",
    "not a url",
];

#[test]
fn hostile_urls_are_refused() {
    for url in HOSTILE.iter().chain(&MALFORMED) {
        let checked = Egress::default().check_url(url);
        assert!(checked.is_err(), "{url} passed as {}", checked.unwrap());
    }
}

#[test]
fn hostile_addresses_are_refused_where_loopback_is_allowed_too() {
    let development = Egress { allow_loopback: true, allow_cidrs: Vec::new() };
    for url in HOSTILE.iter().filter(|url| Url::parse(url).is_ok_and(|url| !is_loopback(&url))) {
        assert!(development.check_url(url).is_err(), "{url} passed");
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => embedded_v4(ip.into()).map_or(ip.is_loopback(), |ip| ip.is_loopback()),
        _ => false,
    }
}

#[test]
fn public_urls_pass() {
    for url in [
        "https://example.org/hook",
        "https://example.org:8443/hook?x=y",
        "http://8.8.8.8/",
        "http://100.63.255.255/",
        "http://172.32.0.1/",
        "https://[2606:4700::1111]/x?y=z",
        "http://[64:ff9b::808:808]/",
    ] {
        assert!(Egress::default().check_url(url).is_ok(), "{url} was refused");
    }
}

#[test]
fn loopback_and_listed_networks_pass_when_asked_for() {
    let cidrs = ["10.1.0.0/16", "fd12:3456::/32"];
    let egress = Egress {
        allow_loopback: true,
        allow_cidrs: cidrs.iter().map(|cidr| cidr.parse().expect("a network")).collect(),
    };
    for url in
        ["http://127.0.0.1:9/", "http://10.1.2.3/", "http://[fd12:3456::1]/", "http://[::ffff:10.1.2.3]/"]
    {
        assert!(egress.check_url(url).is_ok(), "{url} was refused");
    }
    for url in ["http://10.2.2.3/", "http://[fd12:3457::1]/", "http://169.254.169.254/"] {
        assert!(egress.check_url(url).is_err(), "{url} passed");
    }
}
