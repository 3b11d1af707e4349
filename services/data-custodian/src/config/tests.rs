use super::*;

fn load(pairs: &[(&str, &str)]) -> Result<Config, LoadError> {
    load_from(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
}

fn refused(pairs: &[(&str, &str)]) -> String {
    load(pairs).expect_err("it must be refused").to_string()
}

const ISSUER: (&str, &str) = ("DATA_CUSTODIAN__AUTH__ISSUER", "https://id.example.org/realms/customers");
const OWN_SECRET: (&str, &str) = ("BACKCHANNEL_CLIENT_SECRET", "a secret of our own");
const OWN_KEY: (&str, &str) = ("ESPI_HANDOFF_SIGNING_KEY", "a signing key of thirty-two characters or more");

#[test]
fn the_defaults_are_a_configuration_for_development() {
    let config = load(&[]).unwrap();
    assert!(config.is_development());
    assert_eq!(config.backchannel.client_id, "as-backchannel");
    assert_eq!(config.base_uri(8020), "http://127.0.0.1:8020/espi/1_1/resource");
}

#[test]
fn the_variables_of_the_specification_and_the_long_ones_set_values() {
    let config = load(&[
        ("BACKCHANNEL_CLIENT_ID", "as"),
        ("BACKCHANNEL_CLIENT_SECRET", "12345"),
        OWN_KEY,
        ("DATA_CUSTODIAN__PUBLIC__PORT", "9020"),
        ("DATA_CUSTODIAN__RESOURCES__BASE_URI", "https://dc.example.com/espi/1_1/resource///"),
    ])
    .unwrap();
    assert_eq!(config.backchannel.client_id, "as");
    assert_eq!(config.backchannel.client_secret.expose_secret(), "12345");
    assert_eq!(config.handoff.signing_key.expose_secret(), OWN_KEY.1);
    assert_eq!(
        (config.public.port, &*config.base_uri(1)),
        (9020, "https://dc.example.com/espi/1_1/resource")
    );
}

#[test]
fn an_unknown_setting_stops_the_start() {
    let said = refused(&[("DATA_CUSTODIAN__PUBLIC__PROT", "1")]);
    assert!(said.contains("public.prot: unknown; known here: host, port"), "{said}");
    let said = refused(&[("DATA_CUSTODIAN__NOVELTY__KEY", "1")]);
    assert!(said.contains("novelty: unknown"), "{said}");
}

#[test]
fn bad_values_are_refused_by_their_keys() {
    for (name, value, key) in [
        ("DATABASE__URL", "mysql://x/y", "database.url"),
        ("DATABASE__MAX_CONNECTIONS", "1", "database.max_connections"),
        ("PUBLIC__PORT", "70000", "public.port"),
        ("INTERNAL__HOST", "0.0.0.0", "internal.host"),
        ("BACKCHANNEL__BURST", "0", "backchannel.burst"),
        ("TELEMETRY__SAMPLE_RATIO", "2", "telemetry.sample_ratio"),
        ("TELEMETRY__METRICS_HOST", "0.0.0.0", "telemetry.metrics_host"),
        ("BACKCHANNEL__CLIENT_ID", "a:b", "backchannel.client_id"),
        ("BACKCHANNEL__CLIENT_SECRET", "", "backchannel.client_secret"),
        ("AWE__URL", "awe", "awe.url"),
        ("NATS__DURABLE", "a.b", "nats.durable"),
        ("AWE__APPROVAL_EXPIRY_HOURS", "0", "awe.approval_expiry_hours"),
    ] {
        let said = refused(&[(&format!("DATA_CUSTODIAN__{name}"), value)]);
        assert!(said.contains(&format!("{key}: ")), "{name}: {said}");
    }
}

#[test]
fn a_signing_key_of_31_characters_is_refused() {
    let short = "x".repeat(31);
    assert!(refused(&[("ESPI_HANDOFF_SIGNING_KEY", &short)]).contains("handoff.signing_key"));
}

#[test]
fn who_asks_for_it_gets_development_mode_on_the_network() {
    let hosts = [("DATA_CUSTODIAN__PUBLIC__HOST", "0.0.0.0"), ("DATA_CUSTODIAN__INTERNAL__HOST", "0.0.0.0")];
    let said = refused(&hosts);
    assert!(said.contains("public.host: ") && said.contains("internal.host: "), "{said}");
    let allowed = [hosts[0], hosts[1], ("DATA_CUSTODIAN__AUTH__ALLOW_UNSIGNED_ON_NETWORK", "true")];
    assert!(load(&allowed).unwrap().is_development());
}

#[test]
fn the_default_secrets_are_refused_outside_of_development() {
    let said = refused(&[ISSUER, OWN_SECRET]);
    assert!(said.contains("handoff.signing_key: anybody knows") && !said.contains("client_secret"), "{said}");
    let said = refused(&[ISSUER, OWN_KEY]);
    assert!(said.contains("backchannel.client_secret: anybody knows"), "{said}");
    assert!(!load(&[ISSUER, OWN_SECRET, OWN_KEY]).unwrap().is_development());
}

#[test]
fn what_is_shown_masks_every_secret() {
    let config = load(&[
        OWN_SECRET,
        OWN_KEY,
        ("DATA_CUSTODIAN_DATABASE_URL", "postgres://me:hidden-1@db/custodian?sslpassword=hidden-2"),
        ("DATA_CUSTODIAN__AWE__TOKEN", "hidden-3"),
        ("DATA_CUSTODIAN__AWE__CLIENT_SECRET", "hidden-4"),
        ("DATA_CUSTODIAN__NATS__URL", "nats://me:hidden-5@bus"),
        ("DATA_CUSTODIAN__AUTH__CLIENT_SECRET", "hidden-6"),
    ])
    .unwrap();
    let shown = serde_json::to_string(&config).unwrap();
    for secret in [OWN_SECRET.1, OWN_KEY.1, "hidden"] {
        assert!(!shown.contains(secret), "{shown}");
        assert!(!format!("{config:?}").contains(secret));
    }
    assert!(shown.contains("postgres://me:***@db/custodian"), "{shown}");
}

#[test]
fn every_setting_is_explained() {
    let mut explained = false;
    for line in DEFAULTS.lines().filter(|line| line.starts_with("  ")) {
        let is_comment = line.trim_start().starts_with('#');
        // A comment may explain the two lines of a pair.
        assert!(
            is_comment || explained || line.contains("client_secret") || line.contains("client_id"),
            "{line}"
        );
        explained = is_comment || (explained && line.contains("rate_per_second"));
    }
}
