//! Mail that is enabled and cannot be sent stops the start.

use super::{Config, LoadError, with};

const MAIL: [(&str, &str); 5] = [
    ("AWE__NOTIFIER__ENABLED", "true"),
    ("AWE__NOTIFIER__SMTP_HOST", "smtp.example.org"),
    ("AWE__NOTIFIER__FROM_ADDRESS", "AWE <awe@example.org>"),
    ("AWE__KEYCLOAK__BASE_URL", "https://id.example.org"),
    ("AWE__KEYCLOAK__ADMIN_CLIENT_SECRET", "s3cret"),
];
const LOGIN: [(&str, &str); 2] =
    [("AWE__NOTIFIER__USERNAME", "awe"), ("AWE__NOTIFIER__PASSWORD", "hidden-p4ssword")];

/// Settings to start from and settings to change; of two with the same name the later one counts.
fn mail_with(more: &[(&str, &str)]) -> Result<Config, LoadError> {
    let all: Vec<_> = MAIL.iter().chain(more).copied().collect();
    with(&all)
}

fn refusal(more: &[(&str, &str)]) -> String {
    mail_with(more).unwrap_err().to_string()
}

#[test]
fn an_enabled_notifier_that_knows_where_to_send_is_accepted() {
    let notifier = mail_with(&LOGIN).unwrap().notifier;
    assert!(notifier.mailer().is_ok() && notifier.letters().is_ok());
    assert!(mail_with(&[("AWE__NOTIFIER__USE_TLS", "false")]).is_ok(), "nothing is secret then");
}

#[test]
fn what_an_enabled_notifier_lacks_is_named() {
    for (name, value, told) in [
        ("AWE__NOTIFIER__SMTP_HOST", "", "notifier.smtp_host"),
        ("AWE__NOTIFIER__FROM_ADDRESS", "", "notifier.from_address"),
        ("AWE__NOTIFIER__FROM_ADDRESS", "awe", "notifier.from_address"),
        ("AWE__NOTIFIER__FROM_ADDRESS", "awe@example.org\r\nBcc: eve@example.org", "notifier.from_address"),
        ("AWE__KEYCLOAK__BASE_URL", "", "keycloak.base_url"),
        ("AWE__NOTIFIER__CA_FILE", "/nonexistent/ca.pem", "notifier.ca_file: /nonexistent/ca.pem"),
        ("AWE__NOTIFIER__TEMPLATES_DIRECTORY", "/nonexistent", "notifier.templates_directory: /nonexistent"),
        ("AWE__NOTIFIER__LINK_TEMPLATE", "{{ nobody }}", "notifier.link_template"),
        ("AWE__NOTIFIER__USERNAME", "awe", "notifier.password"),
        ("AWE__NOTIFIER__PASSWORD", "hidden-p4ssword", "notifier.password"),
    ] {
        let refused = refusal(&[(name, value)]);
        assert!(refused.contains(told) && !refused.contains("p4ssword"), "{name}={value}: {refused}");
    }
}

#[test]
fn a_password_travels_in_clear_at_most_to_this_machine() {
    let clear = |host: &'static str| {
        let more =
            [LOGIN[0], LOGIN[1], ("AWE__NOTIFIER__USE_TLS", "false"), ("AWE__NOTIFIER__SMTP_HOST", host)];
        mail_with(&more).map_err(|error| error.to_string())
    };
    for host in ["smtp.example.org", "10.0.0.1", "localhost.example.org"] {
        assert!(clear(host).unwrap_err().contains("notifier.use_tls"), "{host}");
    }
    for host in ["localhost", "127.0.0.1", "::1"] {
        assert!(clear(host).is_ok(), "{host}");
    }
}
