//! URLs as they may be shown to people who did not write them.

use url::Url;

const REDACTED: &str = "redacted";

/// The URL with user, password, query values and fragment replaced. It works on the text, so that text that is no valid
/// URL is redacted too.
#[must_use]
pub fn redacted_url(url: &str) -> String {
    let (rest, fragment) = split(url, '#');
    let (base, query) = split(rest, '?');
    let mut shown = without_user(base);
    if let Some(query) = query {
        shown.push('?');
        shown.push_str(&query.split('&').map(redacted_pair).collect::<Vec<_>>().join("&"));
    }
    if fragment.is_some() {
        shown.push('#');
        shown.push_str(REDACTED);
    }
    shown
}

/// The URL without user, password, query and fragment.
#[must_use]
pub fn shown_url(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "(not a URL)".to_owned() };
    // Both fail only for a URL that cannot have a user.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn redacted_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) => format!("{name}={REDACTED}"),
        None if pair.is_empty() => String::new(),
        None => REDACTED.to_owned(),
    }
}

/// Replaces the user information: everything before the last `@` of the authority.
fn without_user(base: &str) -> String {
    let begin = base.find("//").map_or(0, |at| at + 2);
    let (scheme, rest) = base.split_at(begin);
    let end = rest.find(['/', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}{REDACTED}@{host}{path}"),
        None => base.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_users_and_fragments_are_redacted_and_the_rest_is_shown() {
        for (given, shown) in [
            ("https://a.example/hook", "https://a.example/hook"),
            ("https://a.example:8443/x/y?token=s3cret", "https://a.example:8443/x/y?token=redacted"),
            ("https://a.example?a=s3cret&b=&c", "https://a.example?a=redacted&b=redacted&redacted"),
            ("https://a.example/?s3cret", "https://a.example/?redacted"),
            ("https://a.example/?a=s3cret=s3cret?s3cret", "https://a.example/?a=redacted"),
            ("https://a.example/?a=1;b=s3cret", "https://a.example/?a=redacted"),
            ("https://a.example/?", "https://a.example/?"),
            ("https://a.example/#s3cret?s3cret", "https://a.example/#redacted"),
            ("https://a.example/?a=s3cret#s3cret", "https://a.example/?a=redacted#redacted"),
            ("https://ann:s3cret@a.example/x@y", "https://redacted@a.example/x@y"),
            ("https://ann:s3c@ret@a.example", "https://redacted@a.example"),
            ("https://s3cret@a.example?u=b@c", "https://redacted@a.example?u=redacted"),
            ("ann:s3cret@a.example", "redacted@a.example"),
            ("", ""),
        ] {
            assert_eq!(redacted_url(given), shown);
            assert!(!redacted_url(given).contains("s3cret"));
        }
    }

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        assert_eq!(shown_url("https://user:pw@gate.example.org/x?key=1#y"), "https://gate.example.org/x");
        assert_eq!(shown_url("pw@nonsense"), "(not a URL)");
    }
}
