use super::*;

fn options(from: &str) -> MailOptions {
    MailOptions {
        host: "127.0.0.1".to_owned(),
        port: 25,
        tls: false,
        ca_file: None,
        login: None,
        from: from.to_owned(),
        timeout: Duration::from_secs(5),
    }
}

fn message(to: &str, name: Option<&str>, subject: &str) -> String {
    let mailer = Mailer::new(options("AWE <awe@example.org>")).unwrap();
    let letter = Letter { subject: subject.to_owned(), body: "Guten Tag, Jörg\n.\n".to_owned() };
    let message = mailer.message(Mail { id: "mail-1", to, name, letter: &letter }).unwrap();
    String::from_utf8(message.formatted()).unwrap()
}

#[test]
fn a_mail_has_the_headers_of_a_mail() {
    let text = message("ann@example.org", Some("Ann"), "Hello");
    for line in [
        "From: AWE <awe@example.org>\r\n",
        "To: Ann <ann@example.org>\r\n",
        "Subject: Hello\r\n",
        "Message-ID: <mail-1@example.org>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Date: ",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn nobody_writes_headers_through_a_subject_or_a_name() {
    let attack = "x\r\nBcc: eve@example.org\r\n\r\nbody";
    let text = message("ann@example.org", Some(attack), attack);
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    for line in head.split("\r\n") {
        assert!(!line.to_lowercase().starts_with("bcc"), "{head}");
    }
    assert!(head.contains("Subject: x Bcc: eve@example.org body\r\n"), "{head}");
}

#[test]
fn an_address_that_is_none_is_refused_for_good() {
    let mailer = Mailer::new(options("awe@example.org")).unwrap();
    let letter = Letter { subject: "s".to_owned(), body: "b".to_owned() };
    for to in ["", "ann", "ann@example.org\r\nRCPT TO:<eve@example.org>", "a b@example.org"] {
        let refused = mailer.message(Mail { id: "1", to, name: None, letter: &letter });
        assert!(matches!(refused, Err(MailError::Refused(_))), "{to:?}");
    }
}

#[test]
fn what_cannot_work_is_told_before_the_first_mail() {
    assert!(Mailer::new(options("nobody")).unwrap_err().to_string().contains("sender"));
    let with =
        |ca_file: &str| MailOptions { tls: true, ca_file: Some(ca_file.into()), ..options("a@b.example") };
    assert!(Mailer::new(with("/nonexistent")).unwrap_err().to_string().contains("/nonexistent"));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert!(Mailer::new(with(file)).unwrap_err().to_string().contains("no certificate"));
    assert!(is_sender("AWE <awe@example.org>") && is_sender("awe@example.org"));
    assert!(!is_sender("") && !is_sender("awe") && !is_sender("a@example.org, b@example.org"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_and_one_that_is_away_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = MailOptions { port, timeout: Duration::from_millis(100), ..options("awe@example.org") };
    let mailer = Mailer::new(silent).unwrap();
    let letter = Letter { subject: "s".to_owned(), body: "b".to_owned() };
    let mail = Mail { id: "1", to: "ann@example.org", name: None, letter: &letter };
    let told = mailer.send(mail).await.unwrap_err();
    assert!(matches!(&told, MailError::Unavailable(why) if why.contains("100ms")), "{told:?}");
    assert!(mailer.check().await.is_err());
    drop(listener);
    assert!(matches!(mailer.send(mail).await, Err(MailError::Unavailable(_))));
}
