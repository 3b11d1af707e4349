//! The two pages, in four languages.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::{AutoEscape, Environment, Value, context};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

pub(super) const STYLE: &str = include_str!("../../templates/style.css");
const CONSENT: &str = include_str!("../../templates/consent.html");
const REFUSED: &str = include_str!("../../templates/refused.html");

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lang {
    En,
    Fr,
    Ar,
    Hi,
}

const LANGUAGES: [(Lang, &str, &str); 4] = [
    (Lang::En, "en", include_str!("../../texts/en.json")),
    (Lang::Fr, "fr", include_str!("../../texts/fr.json")),
    (Lang::Ar, "ar", include_str!("../../texts/ar.json")),
    (Lang::Hi, "hi", include_str!("../../texts/hi.json")),
];

impl Lang {
    fn code(self) -> &'static str {
        LANGUAGES.iter().find(|(lang, ..)| *lang == self).map_or("en", |(_, code, _)| code)
    }

    /// The language that is named by its primary subtag, as `fr` in `fr-CA`.
    fn named(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        LANGUAGES.iter().find(|(_, code, _)| code.eq_ignore_ascii_case(primary)).map(|(lang, ..)| *lang)
    }

    /// What was chosen, else what the browser likes best, else English.
    pub(super) fn of(chosen: Option<&str>, headers: &HeaderMap) -> Self {
        let accepted =
            headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut liked: Vec<(f32, Self)> = accepted
            .split(',')
            .take(32)
            .filter_map(|part| {
                let mut words = part.split(';').map(str::trim);
                let lang = Self::named(words.next()?)?;
                let weight =
                    words.find_map(|word| word.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
                weight.filter(|weight| *weight > 0.0).map(|weight| (weight, lang))
            })
            .collect();
        // The sort is stable: of equals, the browser's order counts.
        liked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        chosen.and_then(Self::named).or_else(|| liked.first().map(|(_, lang)| *lang)).unwrap_or(Self::En)
    }
}

/// A usage point that can be chosen.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) id: Uuid,
    /// A number of ESPI.
    pub(super) kind: i32,
}

/// What a form had chosen when it came back.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    /// As it was typed.
    pub(super) customer: String,
    pub(super) points: Vec<Uuid>,
    pub(super) pii: bool,
}

/// What is asked for, and by whom.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) token: &'a str,
    pub(super) client_name: &'a str,
    /// As it came.
    pub(super) scope: &'a str,
    pub(super) asks_pii: bool,
    /// Where the browser goes afterwards.
    pub(super) return_origin: String,
}

/// One showing of the consent page.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) asked: Asked<'a>,
    pub(super) customer: Option<i64>,
    pub(super) chosen: &'a Chosen,
    /// Name of the text that says what is missing.
    pub(super) message: Option<&'static str>,
    pub(super) lang: Lang,
}

/// The texts of one language by their names.
type Texts = HashMap<String, String>;

/// Templates and texts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pages(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    environment: Environment<'static>,
    texts: HashMap<Lang, Texts>,
    /// The page of refusals, written once: it says nothing about its cause.
    refused: HashMap<Lang, String>,
}

impl Pages {
    /// # Errors
    /// A template or a text is wrong.
    pub fn new() -> anyhow::Result<Self> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.add_template("consent.html", CONSENT)?;
        environment.add_template("refused.html", REFUSED)?;
        let (mut texts, mut refused) = (HashMap::new(), HashMap::new());
        for (lang, code, text) in LANGUAGES {
            let text: Texts = serde_json::from_str(text)?;
            let t = pairs(&text);
            let page = environment.get_template("refused.html")?.render(context! { lang => code, t => t })?;
            refused.insert(lang, page);
            texts.insert(lang, text);
        }
        Ok(Self(Arc::new(Inner { environment, texts, refused })))
    }

    pub(super) fn refused(&self, lang: Lang) -> Response {
        let body = self.0.refused.get(&lang).cloned().unwrap_or_default();
        html(StatusCode::BAD_REQUEST, body, "")
    }

    pub(super) fn consent(
        &self,
        view: &View<'_>,
        points: &[Point],
        csrf: &str,
        cookie: HeaderValue,
        asks_customer: bool,
    ) -> Result<Response, minijinja::Error> {
        let (texts, code) = (&self.0.texts[&view.lang], view.lang.code());
        let text = |name: &str| texts.get(name).map(String::as_str).unwrap_or_default();
        let languages: Vec<_> = LANGUAGES
            .iter()
            .map(|(lang, code, _)| context! { code => *code, name => self.0.texts[lang].get("name") })
            .collect();
        let points: Vec<_> = points
            .iter()
            .map(|point| {
                let selected = view.chosen.points.contains(&point.id);
                context! { id => point.id.to_string(), kind => text(kind_of(point.kind)), selected => selected }
            })
            .collect();
        let customer = view.customer.map_or_else(|| view.chosen.customer.clone(), |id| id.to_string());
        let page = self.0.environment.get_template("consent.html")?.render(context! {
            lang => code,
            t => pairs(texts),
            languages => languages,
            handoff => view.asked.token,
            csrf => csrf,
            client_name => view.asked.client_name,
            scope => view.asked.scope,
            asks_customer => asks_customer,
            customer => customer,
            points => points,
            asks_pii => view.asked.asks_pii,
            pii => view.chosen.pii,
            message => view.message.map(text),
        })?;
        // Browsers hold the redirect after the form to this list too.
        let mut response = html(StatusCode::OK, page, &view.asked.return_origin);
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        Ok(response)
    }
}

fn pairs(texts: &Texts) -> Value {
    Value::from_pairs(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

fn kind_of(number: i32) -> &'static str {
    match number {
        0 => "electricity",
        1 => "gas",
        2 => "water",
        _ => "other",
    }
}

fn html(status: StatusCode, body: String, form_target: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {form_target}; frame-ancestors 'none'; base-uri 'none'"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        // The token stands in the address of the page.
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::VARY, "Accept-Language, Cookie".to_owned()),
    ];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lang(accepted: &'static str) -> Lang {
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted))]);
        Lang::of(None, &headers)
    }

    #[test]
    fn the_language_is_what_was_chosen_else_what_the_browser_likes_best() {
        assert_eq!(lang("de, fr-CA;q=0.4, ar;q=0.8"), Lang::Ar);
        assert_eq!(lang("hi-IN, en;q=0.9"), Lang::Hi);
        assert_eq!(lang("en;q=0, fr;q=0.1"), Lang::Fr);
        assert_eq!(lang("*, tlh"), Lang::En);
        assert_eq!(Lang::of(Some("fr"), &HeaderMap::new()), Lang::Fr);
        assert_eq!(Lang::of(Some("xx"), &HeaderMap::new()), Lang::En);
    }

    #[test]
    fn every_language_has_every_text() {
        let pages = Pages::new().unwrap();
        let names =
            |lang: Lang| pages.0.texts[&lang].keys().cloned().collect::<std::collections::BTreeSet<_>>();
        for (lang, code, _) in LANGUAGES {
            assert_eq!(names(lang), names(Lang::En), "{code}");
            assert!(pages.0.texts[&lang].values().all(|text| !text.is_empty()), "{code}");
        }
    }
}
